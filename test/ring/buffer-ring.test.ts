/** Buffer rings as objects: growth, copies, pieces, pressure, and leases that are forgotten. */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BufferPressure,
  type BufferRing,
  bufferId,
  hasMore,
  type Lease,
  type OwnedFd,
  op,
  type Ring,
} from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { ENOBUFS, IORING_CQE_F_BUF_MORE } from '../../lib/abi.js';
import type { Mapping } from '../../lib/memory/mapping.js';
import { BufferGroups } from '../../lib/ring/buffer-groups.js';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  pattern,
  RANGE,
  TYPE,
  text,
  turn,
  until,
  VALUE,
} from '../support/ring.js';
import { warnings } from '../support/warnings.js';

const equal = (parts: Uint8Array[], bytes: Uint8Array): void =>
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);

/** Receives all that comes, keeping every lease until the end. */
async function keepAll(ring: Ring, socket: OwnedFd, buffers: BufferRing): Promise<Lease[]> {
  const leases: Lease[] = [];
  for await (const lease of ring.recvMultishot(socket, { buffers })) leases.push(lease);
  return leases;
}

test('grows while all buffers are lent, up to its cap', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 100, maxCount: 13 });
  expect([buffers.count, buffers.available, buffers.lent]).toEqual([2, 2, 0]);
  const bytes = pattern(1100);
  await ring.sendAll(client, bytes);
  await ring.shutdown(client, 'write');
  const leases = await keepAll(ring, server, buffers);
  expect(buffers.count).toBe(13);
  expect(leases.length).toBeGreaterThanOrEqual(11);
  equal(
    leases.map((lease) => lease.bytes),
    bytes,
  );
  for (const lease of leases) lease.release();
  expect([buffers.available, buffers.lent]).toEqual([13, 0]);
});

test('says when there is pressure, and waits without asking the kernel', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  const heard: BufferPressure[] = [];
  using buffers = ring.provideBuffers({
    count: 2,
    size: 16,
    onPressure: (pressure) => heard.push(pressure),
  });
  await ring.sendAll(client, pattern(64));
  await ring.shutdown(client, 'write');
  const leases: Lease[] = [];
  const done = (async () => {
    for await (const lease of ring.recvMultishot(server, { buffers })) leases.push(lease);
  })();
  await until(() => heard.length > 0);
  expect(heard[0]).toEqual({ available: 0, count: 2, maxCount: 2, grown: false });
  const { submitted, enters } = ring.stats;
  await sleep(60);
  expect(ring.stats.submitted).toBe(submitted);
  expect(ring.stats.enters - enters).toBeLessThan(4);
  const parts: Uint8Array[] = [];
  for (let next = leases.shift(); parts.length < 4; next = leases.shift()) {
    if (next === undefined) await turn();
    else {
      parts.push(next.copy());
      next.release();
    }
  }
  await done;
  equal(parts, pattern(64));
});

test('small receives are copied, and cost no buffer', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 4096, copyBelow: 64 });
  const stream = ring.recvMultishot(server, { buffers });
  const kept: Lease[] = [];
  for (let count = 0; count < 10; count++) {
    await ring.send(client, bytesOf(`small ${count}`));
    kept.push((await stream.next()).value as Lease);
    expect(buffers.available).toBe(2);
  }
  await ring.send(client, pattern(64));
  const large = (await stream.next()).value as Lease;
  expect(buffers.available).toBe(1);
  expect(large.bytes.buffer).toBe(buffers.mapping.bytes.buffer);
  expect(kept.map((lease) => text(lease.bytes))).toEqual(
    Array.from({ length: 10 }, (_, count) => `small ${count}`),
  );
  for (const lease of [...kept, large, ...kept]) lease.release();
  expect(() => kept[0]?.bytes).toThrow('the lease has been released');
  expect(buffers.available).toBe(2);
  await stream.return();
});

test('pieces of one buffer are lent apart, and it goes back when all are released', async () => {
  needs('linux:6.12');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 4096, incremental: true });
  const stream = ring.recvMultishot(server, { buffers });
  const leases: Lease[] = [];
  const bytes = pattern(8192, 3);
  for (let count = 0; count < 8; count++) {
    await ring.send(client, bytes.subarray(count * 1000, count * 1000 + 1000));
    // One that goes over the end of a buffer comes in two parts.
    for (let left = 1000; left > 0; ) {
      const lease = (await stream.next()).value as Lease;
      leases.push(lease);
      left -= lease.length;
    }
  }
  // 8 receives in 2 buffers.
  expect(buffers.available).toBeGreaterThanOrEqual(1);
  equal(
    leases.map((lease) => lease.bytes),
    bytes.subarray(0, 8000),
  );
  const [first, ...rest] = leases as [Lease, ...Lease[]];
  for (const lease of rest) lease.release();
  const before = buffers.available;
  expect(before).toBe(1);
  first.release();
  expect(buffers.available).toBe(2);
  await ring.sendAll(client, pattern(6000, 4));
  const parts: Uint8Array[] = [];
  for (let left = 6000; left > 0; ) {
    using lease = (await stream.next()).value as Lease;
    parts.push(lease.copy());
    left -= lease.length;
  }
  equal(parts, pattern(6000, 4));
  await stream.return();
});

test('handlers take pieces too', async () => {
  needs('linux:6.12');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 4096, incremental: true });
  const parts: Uint8Array[] = [];
  let more = 0;
  const handler = ring.handler((_tag, result, flags) => {
    if (result <= 0) return;
    const start = buffers.take(flags, result);
    parts.push(buffers.mapping.bytes.slice(start, start + result));
    if ((flags & IORING_CQE_F_BUF_MORE) !== 0) more++;
    buffers.recycle(bufferId(flags));
    expect(() => buffers.recycle(bufferId(flags))).toThrow('is not lent');
    expect(hasMore(flags)).toBe(true);
  });
  const receive = op.recvMultishot(server, { buffers });
  ring.start(receive, handler);
  const bytes = pattern(9000, 9);
  for (let at = 0; at < bytes.length; at += 900) {
    await ring.send(client, bytes.subarray(at, at + 900));
    await until(() => Buffer.concat(parts).length === at + 900);
  }
  equal(parts, bytes);
  expect(more).toBeGreaterThan(5);
});

test('a lease that is forgotten unread is given back, one that was read is not', async () => {
  needs('register:PBUF_RING');
  const heard = warnings('NEARMETAL_LEAK');
  const ring = openRing({ debug: true });
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 64 });
  const stream = ring.recvMultishot(server, { buffers });
  const views: Uint8Array[] = [];
  const receive = async (look: boolean): Promise<void> => {
    await ring.send(client, bytesOf('forgotten'));
    const lease = (await stream.next()).value as Lease;
    if (look) views.push(lease.bytes);
  };
  await receive(false);
  await receive(true);
  expect(buffers.available).toBe(2);
  await until(() => {
    globalThis.gc?.();
    return buffers.leaks === 2;
  });
  expect(buffers.available).toBe(3);
  expect(text(views[0] as Uint8Array)).toBe('forgotten');
  expect(heard.map(({ message }) => message)).toEqual([
    'a Lease was collected without release()',
    'a Lease was collected without release()',
  ]);
  expect(heard[0]?.detail).toMatch(/^Received by what was made\n.*buffer-ring\.test\.[jt]s/s);
  await stream.return();
});

test('without debugging the first forgotten lease tells how to find out', async () => {
  needs('register:PBUF_RING');
  const heard = warnings('NEARMETAL_LEAK');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 64 });
  const stream = ring.recvMultishot(server, { buffers });
  for (let count = 0; count < 3; count++) {
    await ring.send(client, bytesOf('forgotten'));
    await stream.next();
  }
  await until(() => {
    globalThis.gc?.();
    return buffers.leaks >= 2;
  });
  expect(heard).toHaveLength(1);
  expect(heard[0]?.message).toContain('NEARMETAL_DEBUG=1');
  expect(buffers.lent).toBeLessThanOrEqual(1);
  await stream.return();
});

test('an operation that waits for a buffer ends when the pool is disposed', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  const buffers = ring.provideBuffers({ count: 1, size: 8 });
  await ring.sendAll(client, pattern(32));
  const stream = ring.recvMultishot(server, { buffers });
  const lease = (await stream.next()).value as Lease;
  const second = stream.next();
  await until(() => ring.stats.bufferShortages > 0);
  buffers.dispose();
  await expect(second).rejects.toMatchObject({ errno: -ENOBUFS });
  expect(lease.bytes.length).toBe(0);
  lease.release();
});

test('what waits for a buffer ends as cancelled when its descriptor is closed', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 1, size: 8 });
  await ring.sendAll(client, pattern(32));
  const stream = ring.recvMultishot(server, { buffers });
  const lease = (await stream.next()).value as Lease;
  const second = stream.next();
  await until(() => ring.stats.bufferShortages > 0);
  server.close();
  lease.release();
  await expect(second).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('what completes after its pool was disposed has no bytes', async () => {
  needs('register:PBUF_RING', 'linux:6.10');
  // A completion is there as soon as there is something to receive, and looked at in a later turn.
  const ring = openRing({ deferTaskrun: false, taskrunFlag: false });
  const { client, server } = await connection(ring);
  for (const bundle of [false, true]) {
    const buffers = ring.provideBuffers({ count: 1, size: 8, maxCount: 2 });
    const received = bundle
      ? ring.run(op.recvBundle(server, { buffers })).then(([first]) => first)
      : ring.run(op.recvSelect(server, { buffers }));
    // Another keeps the memory from being unmapped.
    later(ring.run(op.recvSelect(client, { buffers })));
    ring.submit();
    writeSync(client.fd, pattern(8));
    buffers.dispose();
    const lease = (await received) as Lease;
    expect([lease.length, lease.bytes.length]).toEqual([8, 0]);
    lease.release();
  }
});

test('refuses wrong options', () => {
  const ring = openRing();
  const make = (options: object) => () => ring.provideBuffers({ count: 4, size: 64, ...options });
  expectRefusal(make({ maxCount: 2 }), RANGE, 'maxCount');
  expectRefusal(make({ maxCount: 40_000 }), RANGE, 'maxCount');
  expectRefusal(make({ copyBelow: -1 }), RANGE, 'copyBelow');
  expectRefusal(make({ incremental: 1 }), TYPE, 'incremental');
  expectRefusal(make({ onPressure: {} }), TYPE, 'onPressure');
  expectRefusal(make({ maximum: 8 }), VALUE, 'maximum');
});

test('numbers of pools are used again, and never while something in flight names one', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { server } = await connection(ring);
  const first = ring.provideBuffers({ count: 1, size: 64 });
  const received = ring.run(op.recvSelect(server, { buffers: first }));
  await turn();
  first.dispose();
  const second = ring.provideBuffers({ count: 1, size: 64 });
  expect(second.group).not.toBe(first.group);
  await ring.cancelAll();
  await expect(received).rejects.toMatchObject({ code: 'ECANCELED' });
  const third = ring.provideBuffers({ count: 1, size: 64 });
  expect(third.group).toBe(first.group);
  second.dispose();
  third.dispose();
});

test('no pool gets a number that the kernel would cut off', () => {
  const groups = new BufferGroups();
  const mapping = { inFlight: 1 } as Mapping;
  const given = Array.from({ length: 65_536 }, () => groups.take());
  expect([given[0], given.at(-1)]).toEqual([0, 65_535]);
  expect(() => groups.take()).toThrow(RangeError);
  groups.give(7, mapping);
  expect(() => groups.take()).toThrow(RangeError);
  groups.give(8, { inFlight: 0 } as Mapping);
  expect(groups.take()).toBe(8);
  mapping.inFlight = 0;
  expect(groups.take()).toBe(7);
});
