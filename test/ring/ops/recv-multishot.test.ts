/** recvMultishot: buffers that the kernel picks, and every way of giving them back. */
import type { BufferRing, Lease } from 'nearmetal/ring';
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
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
} from '../../support/ring.js';

needs('register:PBUF_RING');

const backHome = (buffers: BufferRing): Promise<void> =>
  until(() => buffers.available === buffers.count);

test('gives leases until the peer ends its side', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 8, size: 4096 });
  const bytes = pattern(1 << 20);
  const sending = ring.sendAll(client, bytes).then(() => ring.shutdown(client, 'write'));
  const parts: Uint8Array[] = [];
  for await (const lease of ring.recvMultishot(server, { buffers })) {
    expect(lease.bytes.length).toBeLessThanOrEqual(4096);
    parts.push(lease.copy());
    lease.release();
  }
  await sending;
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(buffers.available).toBe(8);
  expect(ring.stats.inFlight).toBe(0);
});

test('a lease is readable until it is released, once', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 64 });
  await ring.send(client, bytesOf('lease'));
  const stream = ring.recvMultishot(server, { buffers });
  const lease = (await stream.next()).value as Lease;
  expect(buffers.available).toBe(1);
  expect(text(lease.bytes)).toBe('lease');
  expect(lease.bytes.buffer).toBe(buffers.mapping.bytes.buffer);
  const copy = lease.copy();
  lease.release();
  lease.release();
  expect(buffers.available).toBe(2);
  expect(() => lease.bytes).toThrow('the lease has been released');
  expect(() => lease.copy()).toThrow(TypeError);
  expect(text(copy)).toBe('lease');
  await stream.return();
});

test('using a lease gives it back at the end of each round', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 1, size: 16 });
  await ring.sendAll(client, pattern(160));
  await ring.shutdown(client, 'write');
  let total = 0;
  for await (const part of ring.recvMultishot(server, { buffers })) {
    using lease = part;
    total += lease.bytes.length;
  }
  expect(total).toBe(160);
  expect(buffers.available).toBe(1);
});

test('without a free buffer it pauses, and goes on when one comes back', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 8 });
  const bytes = pattern(64);
  await ring.sendAll(client, bytes);
  await ring.shutdown(client, 'write');
  const stream = ring.recvMultishot(server, { buffers });
  const held = [(await stream.next()).value as Lease, (await stream.next()).value as Lease];
  expect(buffers.available).toBe(0);
  const third = stream.next();
  await until(() => ring.stats.bufferShortages > 0);
  expect(ring.stats.inFlight).toBe(0);
  const parts = held.map((lease) => lease.copy());
  for (const lease of held) lease.release();
  const lease = (await third).value as Lease;
  parts.push(lease.copy());
  lease.release();
  for await (const more of stream) {
    parts.push(more.copy());
    more.release();
  }
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(buffers.available).toBe(2);
});

test('many connections share one pool that is too small for them', async () => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 4, size: 512 });
  const bytes = pattern(100_000);
  const totals = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const { client, server } = await connection(ring);
      const sending = ring.sendAll(client, bytes).then(() => ring.shutdown(client, 'write'));
      const parts: Uint8Array[] = [];
      for await (const lease of ring.recvMultishot(server, { buffers })) {
        parts.push(lease.copy());
        lease.release();
      }
      await sending;
      return Buffer.compare(Buffer.concat(parts), bytes);
    }),
  );
  expect(totals).toEqual(Array(8).fill(0));
  expect(buffers.available).toBe(4);
});

test('breaking out gives every buffer back, seen or not', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 16, size: 32 });
  await ring.sendAll(client, pattern(32 * 12));
  for await (const lease of ring.recvMultishot(server, { buffers })) {
    await ring.timeout(5);
    expect(buffers.available).toBeLessThan(15);
    lease.release();
    break;
  }
  expect(ring.stats.inFlight).toBe(0);
  expect(buffers.available).toBe(16);
});

test('throwing out of the loop does so too', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 32 });
  await ring.sendAll(client, pattern(100));
  const loop = async (): Promise<void> => {
    for await (const part of ring.recvMultishot(server, { buffers })) {
      using _lease = part;
      throw new Error('out');
    }
  };
  await expect(loop()).rejects.toThrow('out');
  expect(buffers.available).toBe(4);
});

test('a signal ends it, and what had come before can still be read', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 32 });
  const stop = new AbortController();
  const stream = ring.recvMultishot(server, { buffers, signal: stop.signal });
  const first = stream.next();
  await ring.send(client, bytesOf('one'));
  ((await first).value as Lease).release();
  await ring.send(client, bytesOf('two'));
  await until(() => buffers.available === 3);
  stop.abort();
  const second = await stream.next();
  expect(text((second.value as Lease).bytes)).toBe('two');
  (second.value as Lease).release();
  await expect(stream.next()).rejects.toMatchObject({ name: 'AbortError' });
  expect(await stream.next()).toEqual({ value: undefined, done: true });
  await backHome(buffers);
  expect(ring.stats.inFlight).toBe(0);
});

test('an abort while paused for want of buffers ends it', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 1, size: 4 });
  const stop = new AbortController();
  const stream = ring.recvMultishot(server, { buffers, signal: stop.signal });
  await ring.send(client, bytesOf('abcdefgh'));
  const held = (await stream.next()).value as Lease;
  const waiting = later(stream.next());
  await until(() => ring.stats.bufferShortages > 0);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  held.release();
  await turn();
  expect(ring.stats.inFlight).toBe(0);
  expect(buffers.available).toBe(1);
});

test('errors of the connection end it', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 64 });
  await ring.send(client, bytesOf('unread'));
  await ring.pollAdd(server, ['in']);
  const stream = ring.recvMultishot(client, { buffers });
  const next = later(stream.next());
  await ring.nop();
  server.close();
  await expect(next).rejects.toMatchObject({ code: 'ECONNRESET', syscall: 'io_uring:recv' });
  expect(await stream.next()).toEqual({ value: undefined, done: true });
  using idle = await ring.socket('inet');
  const wrong = ring.recvMultishot(idle, { buffers });
  await expect(wrong.next()).rejects.toMatchObject({ code: 'ENOTCONN' });
  expect(buffers.available).toBe(4);
});

test('closing the socket while paused ends the stream, and hurts nobody else', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 1, size: 4 });
  const stream = ring.recvMultishot(server, { buffers });
  await ring.send(client, bytesOf('abcdefgh'));
  const held = (await stream.next()).value as Lease;
  const waiting = later(stream.next());
  await until(() => ring.stats.bufferShortages > 0);
  server.close();
  held.release();
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'io_uring:recv' });
  expect(buffers.available).toBe(1);
});

test('disposing the pool ends the streams on it, paused or not', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const buffers = ring.provideBuffers({ count: 1, size: 4 });
  const stream = ring.recvMultishot(server, { buffers });
  await ring.send(client, bytesOf('abcdefgh'));
  const held = (await stream.next()).value as Lease;
  const waiting = later(stream.next());
  await until(() => ring.stats.bufferShortages > 0);
  const other = await connection(ring);
  const active = ring.recvMultishot(other.server, { buffers });
  const next = later(active.next());
  await ring.nop();
  buffers.dispose();
  buffers.dispose();
  await expect(waiting).rejects.toMatchObject({ code: 'ENOBUFS' });
  await ring.send(other.client, bytesOf('x'));
  await expect(next).rejects.toMatchObject({ code: 'ENOBUFS' });
  expect(held.bytes.length).toBe(0);
  held.release();
  expect(buffers.mapping.disposed).toBe(true);
});

test('a consumer that is far behind makes it pause, and loses nothing', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4096, size: 16 });
  const bytes = pattern(16 * 3000);
  const stream = ring.recvMultishot(server, { buffers });
  const parts: Uint8Array[] = [];
  const first = stream.next();
  await ring.sendAll(client, bytes);
  await ring.shutdown(client, 'write');
  const lease = (await first).value as Lease;
  parts.push(lease.copy());
  lease.release();
  await ring.timeout(20);
  for await (const more of stream) {
    parts.push(more.copy());
    more.release();
  }
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(buffers.available).toBe(4096);
});

test('several callers of next are served in their order', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 1 });
  const stream = ring.recvMultishot(server, { buffers });
  const three = [stream.next(), stream.next(), stream.next()];
  await ring.send(client, bytesOf('abc'));
  const leases = (await Promise.all(three)).map(({ value }) => value as Lease);
  expect(leases.map((lease) => text(lease.bytes))).toEqual(['a', 'b', 'c']);
  const two = [stream.next(), stream.next()];
  await stream.return();
  expect(await Promise.all(two)).toEqual(Array(2).fill({ value: undefined, done: true }));
  for (const lease of leases) lease.release();
  expect(buffers.available).toBe(4);
});

test('pools of the same ring do not mix', async () => {
  const ring = openRing();
  using small = ring.provideBuffers({ count: 2, size: 2 });
  using large = ring.provideBuffers({ count: 2, size: 100 });
  const one = await connection(ring);
  const two = await connection(ring);
  const streams = [
    ring.recvMultishot(one.server, { buffers: small }),
    ring.recvMultishot(two.server, { buffers: large }),
  ] as const;
  const first = streams.map((stream) => stream.next());
  await ring.send(one.client, bytesOf('abcd'));
  await ring.send(two.client, bytesOf('abcd'));
  const leases = (await Promise.all(first)).map(({ value }) => value as Lease);
  expect(leases.map((lease) => lease.bytes.length)).toEqual([2, 4]);
  for (const lease of leases) lease.release();
  await Promise.all(streams.map((stream) => stream.return()));
  expect([small.available, large.available]).toEqual([2, 2]);
});

test('in handler mode the receiver takes and returns buffers by their number', async () => {
  const { bufferId } = await import('nearmetal/ring');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 2, size: 8 });
  const parts: string[] = [];
  const handler = ring.handler((_tag, result, flags) => {
    const id = bufferId(flags);
    if (id < 0) return;
    buffers.taken(id);
    parts.push(text(buffers.bytes(id).subarray(0, result)));
    buffers.recycle(id);
    expect(() => buffers.recycle(id)).toThrow('not lent');
  });
  ring.start(op.recvMultishot(server, { buffers }), handler);
  for (let index = 0; index < 10; index++) {
    await ring.send(client, bytesOf(`part ${index}`));
    await until(() => parts.length > index);
  }
  expect(parts.at(-1)).toBe('part 9');
  expect(buffers.available).toBe(2);
});

test('refuses wrong arguments by name', async () => {
  const ring = openRing();
  const { server } = await connection(ring);
  const pool = (options: unknown) => () => ring.provideBuffers(options as never);
  expectRefusal(pool(undefined), TYPE, 'options');
  expectRefusal(pool({ size: 4 }), TYPE, '"count"');
  expectRefusal(pool({ count: 3, size: 4 }), VALUE, 'power of two');
  expectRefusal(pool({ count: 0, size: 4 }), RANGE, '"count"');
  expectRefusal(pool({ count: 65_536, size: 4 }), RANGE, '"count"');
  expectRefusal(pool({ count: 4 }), TYPE, '"size"');
  expectRefusal(pool({ count: 4, size: 0 }), RANGE, '"size"');
  expectRefusal(pool({ count: 4, size: 4, bufferCount: 4 }), VALUE, '"bufferCount"');
  using buffers = ring.provideBuffers({ count: 2, size: 8 });
  expectRefusal(() => ring.recvMultishot(server, {} as never), TYPE, 'buffers');
  expectRefusal(() => ring.recvMultishot(5 as never, { buffers }), TYPE, '"socket"');
  expect(() => buffers.recycle(0)).toThrow('not lent');
  expect(() => buffers.recycle(99)).toThrow(TypeError);
  expect(() => buffers.taken(99)).toThrow(TypeError);
});
