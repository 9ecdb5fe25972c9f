/** recvSelect and recvBundle; provideBuffers and removeBuffers, the older way to give buffers. */
import { asFd, type BufferGroup, type Lease, Mapping, op } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  until,
  VALUE,
} from '../../support/ring.js';

function group(ids: number, size: number): BufferGroup {
  const mapping = Mapping.anonymous({ size: ids * size });
  onTestFinished(() => mapping.dispose());
  return { mapping, size, group: 40_000 };
}

test('takes one buffer of the pool when data is there', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 8 });
  const waiting = ring.run(op.recvSelect(server, { buffers }));
  await ring.nop();
  expect(buffers.available).toBe(2);
  await ring.send(client, bytesOf('twelve bytes'));
  const lease = (await waiting) as Lease;
  expect(text(lease.bytes)).toBe('twelve b');
  const second = (await ring.run(op.recvSelect(server, { buffers }))) as Lease;
  expect(text(second.bytes)).toBe('ytes');
  await ring.send(client, bytesOf('x'));
  await expect(ring.run(op.recvSelect(server, { buffers }))).rejects.toMatchObject({
    code: 'ENOBUFS',
    syscall: 'io_uring:recv',
  });
  lease.release();
  second.release();
  ((await ring.run(op.recvSelect(server, { buffers }))) as Lease).release();
  await ring.shutdown(client, 'write');
  expect(await ring.run(op.recvSelect(server, { buffers }))).toBeUndefined();
  expect(buffers.available).toBe(2);
});

test('a bundle fills several buffers at once, in their order', async () => {
  needs('ring:RECVSEND_BUNDLE');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 8, size: 100 });
  const bytes = pattern(5000);
  const sending = ring.sendAll(client, bytes).then(() => ring.shutdown(client, 'write'));
  const parts: Uint8Array[] = [];
  let most = 0;
  for (;;) {
    await ring.pollAdd(server, ['in']);
    const leases = await ring.run(op.recvBundle(server, { buffers }));
    if (leases.length === 0) break;
    most = Math.max(most, leases.length);
    // Not in the order they came: their places in the ring of buffers get mixed.
    for (const lease of leases) parts.push(lease.copy());
    for (const lease of [...leases].reverse()) lease.release();
  }
  await sending;
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(most).toBeGreaterThan(1);
  expect(buffers.available).toBe(8);
});

test('buffers of a group are used once, and given again', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const buffers = group(4, 16);
  await ring.run(op.provideBuffers(buffers, { firstId: 1, count: 2 }));
  const seen: number[] = [];
  for (const words of ['one', 'two']) {
    await ring.send(client, bytesOf(words));
    const got = await ring.run(op.recvSelect(server, { buffers }));
    const { id, byteCount } = got as { id: number; byteCount: number };
    seen.push(id);
    const start = id * buffers.size;
    expect(text(buffers.mapping.bytes.subarray(start, start + byteCount))).toBe(words);
  }
  expect(seen.sort()).toEqual([1, 2]);
  await ring.send(client, bytesOf('three'));
  await expect(ring.run(op.recvSelect(server, { buffers }))).rejects.toMatchObject({
    code: 'ENOBUFS',
  });
  await ring.run(op.provideBuffers(buffers, { count: 4 }));
  expect(await ring.run(op.removeBuffers(buffers.group, 3))).toBe(3);
  const got = await ring.run(op.recvSelect(server, { buffers }));
  expect(got).toMatchObject({ byteCount: 5 });
  await ring.shutdown(client, 'write');
  expect(await ring.run(op.recvSelect(server, { buffers })).catch(({ code }) => code)).toBe(
    'ENOBUFS',
  );
});

test('memory given to the kernel stays mapped until the ring is closed', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const buffers = group(2, 4096);
  await ring.run(op.provideBuffers(buffers));
  const got = ring.run(op.recvSelect(server, { buffers }));
  await ring.nop();
  buffers.mapping.dispose();
  expect(buffers.mapping.inFlight).toBeGreaterThan(0);
  await ring.send(client, bytesOf('into memory that is still there'));
  expect(await got).toMatchObject({ byteCount: 31 });
  await ring.close();
  expect(buffers.mapping.inFlight).toBe(0);
});

test('what the kernel refuses', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  using pool = ring.provideBuffers({ count: 2, size: 64 });
  const buffers = { ...group(2, 64), group: pool.group };
  await expect(ring.run(op.provideBuffers(buffers))).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'io_uring:provide_buffers',
  });
  // Up to 6.6 the first 64 groups are always there, and have no buffers.
  await expect(ring.run(op.removeBuffers(700, 1))).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'io_uring:remove_buffers',
  });
  const file = later(ring.run(op.recvSelect(openWith('x'), { buffers: pool })));
  await expect(file).rejects.toMatchObject({ code: 'ENOTSOCK' });
  await until(() => ring.stats.inFlight === 0);
});

test('refuses wrong arguments by name', () => {
  const fd = asFd(0);
  const buffers = group(4, 16);
  expectRefusal(() => op.recvSelect(fd, {} as never), TYPE, 'buffers');
  expectRefusal(() => op.recvSelect(fd, { buffers: { size: 1 } as never }), TYPE, 'group.mapping');
  expectRefusal(() => op.recvBundle(fd, { buffers } as never), TYPE, 'a BufferRing');
  expectRefusal(() => op.provideBuffers({ ...buffers, size: 0 }), RANGE, '"group.size"');
  expectRefusal(() => op.provideBuffers({ ...buffers, group: 65_536 }), RANGE, '"group.group"');
  expectRefusal(() => op.provideBuffers(buffers, { firstId: 300 }), RANGE, '"firstId"');
  expectRefusal(() => op.provideBuffers(buffers, { count: 300 }), RANGE, '"count"');
  expectRefusal(() => op.removeBuffers(-1, 1), RANGE, '"group"');
  expectRefusal(() => op.removeBuffers(1, 0), RANGE, '"most"');
});

test('a bundle does not come in pieces of buffers', () => {
  needs('linux:6.12');
  const ring = openRing();
  using pieces = ring.provideBuffers({ count: 2, size: 4096, incremental: true });
  expectRefusal(() => op.recvBundle(asFd(0), { buffers: pieces }), VALUE, 'incremental');
});
