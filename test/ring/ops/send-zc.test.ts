/** sendZc and sendmsgZc: sent, and the memory free again, are two moments. */
import { asFd, Mapping, op, ZeroCopySend } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { IORING_CQE_F_MORE, IORING_CQE_F_NOTIF } from '../../../lib/abi.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  openWith,
  pattern,
  TYPE,
  text,
  until,
  VALUE,
} from '../../support/ring.js';
import { udp, unixPair } from '../../support/sockets.js';

function mapped(size: number): Mapping {
  const mapping = Mapping.anonymous({ size });
  onTestFinished(() => mapping.dispose());
  mapping.bytes.set(pattern(size));
  return mapping;
}

test('gives the bytes sent, and later the memory', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const mapping = mapped(65_536);
  const send = await ring.sendZc(client, mapping.bytes, { waitAll: true });
  expect(send).toBeInstanceOf(ZeroCopySend);
  expect(send.byteCount).toBe(65_536);
  const received = new Uint8Array(65_536);
  await ring.recv(server, received, { waitAll: true });
  expect(Buffer.compare(received, mapping.bytes)).toBe(0);
  expect(await send.released).toEqual({ copied: undefined });
  expect(mapping.inFlight).toBe(0);
  expect(ring.stats.inFlight).toBe(0);
});

test('the memory is held until the notification, disposed or not', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const mapping = mapped(8192);
  const order: string[] = [];
  const promise = ring.sendZc(client, mapping.bytes);
  mapping.dispose();
  const send = await promise;
  order.push('sent');
  const released = send.released.then(() => order.push('released'));
  const received = new Uint8Array(8192);
  await ring.recv(server, received, { waitAll: true });
  await released;
  expect(order).toEqual(['sent', 'released']);
  expect(Buffer.compare(received, pattern(8192))).toBe(0);
  expect(mapping.inFlight).toBe(0);
});

test('reports that the kernel copied after all, as it does over loopback', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const mapping = mapped(16_384);
  const { released } = await ring.sendZc(client, mapping.bytes, { reportUsage: true });
  await ring.recv(server, new Uint8Array(16_384), { waitAll: true });
  expect(await released).toEqual({ copied: true });
});

test('a ring drains or sends without a copy: kernels miscount where it does both', async () => {
  const refused = expect.objectContaining({ name: 'UnsupportedError', feature: 'drain:zeroCopy' });
  const [first, second] = [openRing(), openRing()];
  const { client } = await connection(first);
  const { bytes } = mapped(4096);
  const { released } = await first.sendZc(client, bytes);
  await released;
  expect(() => first.run(op.nop({ drain: true }))).toThrow(refused);
  await second.run(op.nop({ drain: true }));
  expect(() => second.sendZc(client, bytes)).toThrow(refused);
  await second.run(op.nop({ drain: true }));
  expect(first.stats.inFlight + second.stats.inFlight).toBe(0);
});

test('registered memory, user memory, and datagrams', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const mapping = mapped(4096);
  using _registered = ring.registerBuffers([mapping]);
  const target = new Uint8Array(4096);
  const fixed = await ring.sendZc(client, mapping.bytes.subarray(10, 110), { fixed: true });
  await ring.recv(server, target);
  expect(Buffer.compare(target.subarray(0, 100), mapping.bytes.subarray(10, 110))).toBe(0);
  await fixed.released;
  const own = bytesOf('my own');
  const plain = ring.sendZc(client, own);
  own.fill(0);
  expect((await plain).byteCount).toBe(6);
  await ring.recv(server, target);
  expect(text(target.subarray(0, 6))).toBe('my own');
  const one = udp();
  const two = udp();
  const datagram = await ring.sendZc(one.socket, mapping.bytes.subarray(0, 50), {
    to: two.address,
  });
  const message = await ring.recvmsg(two.socket, target);
  expect(message).toMatchObject({ byteCount: 50, address: one.address });
  await datagram.released;
  expect(mapping.inFlight).toBe(0);
});

test('messages: several pieces, an address and control messages', async () => {
  const ring = openRing();
  const mapping = mapped(4096);
  const one = udp();
  const two = udp();
  const pieces = [mapping.bytes.subarray(0, 1500), mapping.bytes.subarray(2000, 2500)];
  const send = await ring.sendmsgZc(one.socket, pieces, {
    to: two.address,
    control: { segmentSize: 1000 },
    reportUsage: true,
  });
  expect(send.byteCount).toBe(2000);
  const target = new Uint8Array(4096);
  for (const from of [0, 1000]) {
    expect(await ring.recvmsg(two.socket, target)).toMatchObject({ byteCount: 1000 });
    const expected = Buffer.concat(pieces).subarray(from, from + 1000);
    expect(Buffer.compare(target.subarray(0, 1000), expected)).toBe(0);
  }
  expect(await send.released).toEqual({ copied: true });
});

test('a handler gets both completions', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const mapping = mapped(4096);
  const seen: [number, number, number][] = [];
  const handler = ring.handler((tag, result, flags) => seen.push([tag, result, flags]));
  ring.start(op.sendZc(client, mapping.bytes), handler, 7);
  await ring.recv(server, new Uint8Array(4096), { waitAll: true });
  await until(() => seen.length === 2);
  expect(seen[0]).toEqual([7, 4096, IORING_CQE_F_MORE]);
  expect(seen[1]).toEqual([7, 0, IORING_CQE_F_NOTIF]);
});

test('an error comes when the memory is free, whatever it was', async () => {
  const ring = openRing();
  const mapping = mapped(4096);
  const [left] = await unixPair(ring);
  await expect(ring.sendZc(left, mapping.bytes)).rejects.toMatchObject({
    code: 'EOPNOTSUPP',
    syscall: 'io_uring:send_zc',
    fd: left.fd,
  });
  await expect(ring.sendZc(openWith('x'), mapping.bytes)).rejects.toMatchObject({
    code: 'ENOTSOCK',
  });
  const { client, server } = await connection(ring);
  await ring.shutdown(client, 'write');
  await expect(ring.sendZc(client, mapping.bytes)).rejects.toMatchObject({ code: 'EPIPE' });
  const one = udp();
  await expect(
    ring.sendmsgZc(one.socket, mapped(70_000).bytes, { to: one.address }),
  ).rejects.toMatchObject({ code: 'EMSGSIZE', syscall: 'io_uring:sendmsg_zc' });
  server.close();
  expect(mapping.inFlight).toBe(0);
  expect(ring.stats.inFlight).toBe(0);
});

test('a cancelled one has let go of its memory when it says so', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const mapping = mapped(4 << 20);
  const stop = new AbortController();
  const sends = Array.from({ length: 6 }, () =>
    later(ring.sendZc(client, mapping.bytes, { signal: stop.signal, waitAll: true })),
  );
  await ring.timeout(5);
  stop.abort();
  const ends = await Promise.allSettled(sends);
  expect(ends.some(({ status }) => status === 'rejected')).toBe(true);
  for (const end of ends) {
    if (end.status === 'rejected') expect(end.reason).toMatchObject({ name: 'AbortError' });
  }
  server.close();
  client.close();
  for (const end of ends) if (end.status === 'fulfilled') await end.value.released;
  expect(mapping.inFlight).toBe(0);
});

test('a ring closed between the two moments waits for the second', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  const mapping = mapped(65_536);
  const send = await ring.sendZc(client, mapping.bytes);
  await ring.close();
  await send.released;
  expect(mapping.inFlight).toBe(0);
});

test('refuses wrong arguments by name', () => {
  const fd = asFd(0);
  const bytes = new Uint8Array(1);
  expectRefusal(() => op.sendZc(fd, bytes, { fixed: true }), TYPE, 'a view of a Mapping');
  expectRefusal(() => op.sendZc(fd, bytes, { fixed: 1 as never }), TYPE, '"fixed"');
  expectRefusal(() => op.sendZc(fd, bytes, { reportUsage: 'yes' as never }), TYPE, 'reportUsage');
  expectRefusal(() => op.sendZc(fd, bytes, { report: true } as never), VALUE, '"report"');
  expectRefusal(() => op.sendZc(fd, 'text' as never), TYPE, '"source"');
  expectRefusal(() => op.sendmsgZc(fd, []), VALUE, '"sources"');
  const ring = openRing();
  const mapping = mapped(4096);
  expect(() => ring.sendZc(fd, mapping.bytes, { fixed: true })).toThrow('not registered');
});
