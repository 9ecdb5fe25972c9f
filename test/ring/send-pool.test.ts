/** ring.sendPool: every byte once and in its order, and nothing of it left, however it ends. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setSocketOption } from 'nearmetal/net';
import { Mapping, type OwnedFd, op, type Ring, type SendPool } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import {
  EAGAIN,
  EBUSY,
  EPERM,
  IOSQE_BUFFER_SELECT,
  SYS_io_uring_enter,
  SYS_io_uring_register,
} from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { BufferEntries } from '../../lib/ring/buffer-entries.js';
import { closeEngine } from '../../lib/ring/closing.js';
import { Engine } from '../../lib/ring/engine.js';
import { planRing } from '../../lib/ring/options.js';
import { promiseOf } from '../../lib/ring/sinks.js';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  pattern,
  pipe,
  RANGE,
  TYPE,
  text,
  turn,
  until,
  VALUE,
} from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';
import { unixPair } from '../support/sockets.js';
import { warnings } from '../support/warnings.js';

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A connection whose two buffers in the kernel are small, so that sends are cut anywhere. */
async function narrow(ring: Ring): Promise<{ client: OwnedFd; server: OwnedFd }> {
  const both = await connection(ring);
  setSocketOption(both.client, 'sendBuffer', 4608);
  setSocketOption(both.server, 'receiveBuffer', 2304);
  return both;
}

/** As `narrow`, where nothing waits for an acknowledgement. */
async function narrowUnix(ring: Ring): Promise<{ client: OwnedFd; server: OwnedFd }> {
  const [client, server] = await unixPair(ring);
  setSocketOption(client, 'sendBuffer', 4608);
  return { client, server };
}

/** Reads until the end, `atMost` bytes at a time. */
async function readAll(ring: Ring, socket: OwnedFd, atMost: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const target = new Uint8Array(atMost);
  for (;;) {
    const count = await ring.recv(socket, target);
    if (count === 0) return Buffer.concat(parts);
    parts.push(target.slice(0, count));
  }
}

test('small writes of one turn go out together', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  await using pool = ring.sendPool(client, { count: 4, size: 8 });
  for (const word of ['one ', 'two ', 'three ', 'four ']) void pool.write(bytesOf(word));
  await pool.flushed();
  expect(pool.counts).toEqual({ sends: 1, short: 0, leaks: 0 });
  expect(pool.free).toBe(4);
  const target = new Uint8Array(19);
  expect(await ring.recv(server, target, { waitAll: true })).toBe(19);
  expect(text(target)).toBe('one two three four ');
});

test('lent buffers go out in the order in which they were lent, whenever sent', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  await using pool = ring.sendPool(client, { count: 8, size: 8 });
  const [first, second, third] = await Promise.all([pool.lend(), pool.lend(), pool.lend()]);
  await pool.write(bytesOf(' end'));
  third.bytes.set(bytesOf('3'));
  third.send(1);
  second.release();
  second.release();
  await turn();
  expect(pool.counts.sends).toBe(0);
  first.bytes.set(bytesOf('12345678'));
  first.send();
  expect(() => first.bytes).toThrow('sent or released');
  expect(() => first.send(1)).toThrow('sent or released');
  const target = new Uint8Array(13);
  expect(await ring.recv(server, target, { waitAll: true })).toBe(13);
  expect(text(target)).toBe('123456783 end');
  await pool.flushed();
  expect(pool.free).toBe(8);
});

for (const bundle of [true, false]) {
  for (const atMost of [1, 777, 65_536]) {
    test(`a reader of ${atMost} bytes at a time gets all in order, bundle: ${bundle}`, async () => {
      const ring = openRing();
      const { client, server } = await (atMost === 1 ? narrow(ring) : narrowUnix(ring));
      const bytes = pattern(atMost === 1 ? 20_000 : 1_000_000, atMost);
      const reading = readAll(ring, server, atMost);
      const pool = ring.sendPool(client, { count: 9, size: bundle ? 3000 : 20_000, bundle });
      let at = 0;
      // Pieces of all sizes, of both kinds, without waiting for each.
      for (let round = 0; at < bytes.length; round++) {
        const part = bytes.subarray(at, at + ((round * 7919) % 2500));
        at += part.length;
        if (round % 5 === 0 && part.length <= 3000) {
          const lease = await pool.lend();
          lease.bytes.set(part);
          lease.send(part.length);
        } else if (round % 3 === 0) await pool.write(part);
        else void pool.write(part);
      }
      await pool.close();
      await ring.shutdown(client, 'write');
      const received = await reading;
      expect(received.length).toBe(bytes.length);
      expect(hash(received)).toBe(hash(bytes));
      // Of a bundle the kernel sends the rest by itself.
      if (!bundle && atMost === 777) expect(pool.counts.short).toBeGreaterThan(0);
    });
  }
}

test('what the kernel has not used can be taken back, and shown anew', async () => {
  needs('register:PBUF_STATUS');
  const engine = new Engine(planRing({ entries: 8 }));
  onTestFinished(() => closeEngine(engine));
  const [one, other] = await unixPair(openRing());
  const mapping = Mapping.anonymous({ size: 4096 });
  mapping.bytes.set(bytesOf('abcd'));
  const entries = new BufferEntries(engine, mapping as never, 4, false);
  const low = mapping.address % 2 ** 32;
  const high = Math.floor(mapping.address / 2 ** 32);
  const put = (offset: number): void => entries.put(offset, low + offset, high, 1);
  const sending = op.send(one, mapping.bytes.subarray(0, 4096));
  sending.head |= IOSQE_BUFFER_SELECT << 8;
  sending.buffer = entries.group;
  // Past the end of the 16 bits in which both sides count, too.
  for (let round = 0; round < 22_000; round++) {
    for (const offset of [0, 1, 2]) put(offset);
    entries.publish();
    entries.takeBack();
    if (round % 5000 !== 0) continue;
    put(3);
    entries.publish();
    expect(await promiseOf(engine, sending as never, undefined)).toBe(1);
  }
  entries.dispose();
  mapping.dispose();
  const target = new Uint8Array(8);
  expect(await openRing().recv(other, target)).toBe(5);
  expect(text(target.subarray(0, 5))).toBe('ddddd');
});

test('more buffers than the kernel looks at in one go', async () => {
  const ring = openRing();
  const { client, server } = await narrowUnix(ring);
  const bytes = pattern(100_000);
  const pool = ring.sendPool(client, { count: 2000, size: 50 });
  const reading = readAll(ring, server, 300);
  await pool.write(bytes);
  await pool.close();
  await ring.shutdown(client, 'write');
  expect(hash(await reading)).toBe(hash(bytes));
  expect(pool.counts.sends).toBeGreaterThan(2000 / 256 - 1);
});

test('waits while all buffers are in use, and serves who waits in their order', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  const pool = ring.sendPool(one, { count: 1, size: 4 });
  const lease = await pool.lend();
  const order: string[] = [];
  const done = (name: string) => () => order.push(name);
  const all = [
    pool.write(bytesOf('waits for it')).then(done('write')),
    pool.lend().then((second) => {
      order.push('lend');
      second.bytes.set(bytesOf('lent'));
      second.send();
    }),
    pool.flushed().then(done('flushed')),
  ];
  await turn();
  expect([order, pool.free]).toEqual([[], 0]);
  lease.bytes.set(bytesOf('it: '));
  lease.send();
  await Promise.all(all);
  expect(order).toEqual(['write', 'lend', 'flushed']);
  await pool.close();
  const target = new Uint8Array(20);
  expect(await ring.recv(other, target, { waitAll: true })).toBe(20);
  expect(text(target)).toBe('it: waits for itlent');
});

test.each([
  ['unseen', 2],
  ['seen', 1],
])('a lease that is forgotten %s holds nothing back, and is told', async (how, left) => {
  const collect = globalThis.gc as () => void;
  const heard = warnings('NEARMETAL_LEAK');
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  await using pool = ring.sendPool(one, { count: 2, size: 4 });
  await (async () => {
    const lease = await pool.lend();
    if (how === 'seen') lease.bytes[0] = 1;
  })();
  const writing = pool.write(bytesOf('here')).then(() => pool.flushed());
  let sent = false;
  later(writing).then(() => {
    sent = true;
  });
  await until(() => {
    collect();
    return sent;
  });
  expect(await ring.recv(other, new Uint8Array(4))).toBe(4);
  expect(pool.counts.leaks).toBe(1);
  // Somebody may still write to a view of it.
  expect(pool.free).toBe(left);
  await until(() => heard.length === 1);
  expect(heard[0]?.message).toContain('a SendLease was collected without send() or release()');
});

/** Fills the socket until a send waits in the kernel. */
async function stuck(ring: Ring, pool: SendPool): Promise<Promise<unknown>[]> {
  const waiting = [later(pool.write(pattern(4_000_000))), later(pool.lend())];
  // Until the socket takes no more: a send that is in flight may still be followed by another.
  for (let before = -1; before !== ring.stats.completed; await sleep(20)) {
    before = ring.stats.completed;
    await until(() => pool.free === 0 && ring.stats.inFlight === 1);
  }
  return [...waiting, later(pool.flushed())];
}

async function expectEnded(
  ring: Ring,
  pool: SendPool,
  waiting: Promise<unknown>[],
  error: object,
): Promise<void> {
  for (const one of waiting) await expect(one).rejects.toMatchObject(error);
  await expect(pool.write(bytesOf('late'))).rejects.toMatchObject(error);
  await expect(pool.lend()).rejects.toMatchObject(error);
  await expect(pool.flushed()).rejects.toMatchObject(error);
  await expect(pool.close()).rejects.toMatchObject(error);
  expect(ring.stats.inFlight).toBe(0);
}

test('a signal ends it in flight, between two sends, and before', async () => {
  const ring = openRing();
  const { client } = await narrow(ring);
  const { regions } = native.regionStats();
  const abort = new AbortController();
  const pool = ring.sendPool(client, { count: 4, size: 4096, signal: abort.signal });
  const idle = ring.sendPool(client, { count: 4, size: 4096, signal: abort.signal });
  const waiting = await stuck(ring, pool);
  abort.abort();
  await expectEnded(ring, pool, waiting, { name: 'AbortError' });
  await expectEnded(ring, idle, [], { name: 'AbortError' });
  expect(native.regionStats().regions).toBe(regions);
  expect(() => ring.sendPool(client, { count: 1, size: 1, signal: abort.signal })).toThrow(
    expect.objectContaining({ name: 'AbortError' }),
  );
});

test('the socket closed in flight ends it', async () => {
  const ring = openRing();
  const { client } = await narrow(ring);
  const pool = ring.sendPool(client, { count: 4, size: 4096 });
  const waiting = await stuck(ring, pool);
  client.close();
  await expectEnded(ring, pool, waiting, { code: 'ECANCELED' });
});

test('a peer that resets, or has gone, ends it with its error', async () => {
  const ring = openRing();
  const { client, server } = await narrow(ring);
  const pool = ring.sendPool(client, { count: 4, size: 4096 });
  const waiting = await stuck(ring, pool);
  // Closed with bytes unread: a reset.
  server.close();
  await expectEnded(ring, pool, waiting, { code: 'ECONNRESET', syscall: 'io_uring:send' });
  const after = ring.sendPool(client, { count: 4, size: 4096 });
  await after.write(bytesOf('nobody'));
  await expect(after.close()).rejects.toMatchObject({ code: 'EPIPE' });
});

test('the ring closed in flight ends it, and one that is idle', async () => {
  const ring = openRing();
  const other = openRing();
  const { client } = await narrow(other);
  const pool = ring.sendPool(client, { count: 4, size: 4096 });
  const idle = ring.sendPool(client, { count: 4, size: 4096 });
  const lease = await idle.lend();
  const waiting = await stuck(ring, pool);
  await ring.close();
  await expectEnded(ring, pool, waiting, { code: 'ECANCELED' });
  await expectEnded(ring, idle, [], { code: 'ERR_INVALID_STATE' });
  expect(() => lease.bytes).toThrow('its pool ended');
  expect(() => lease.send(0)).toThrow('its pool ended');
  lease.release();
  expect(() => ring.sendPool(client, { count: 1, size: 1 })).toThrow('closed');
});

test('close sends what was written, and gives back what is lent', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  const pool = ring.sendPool(one, { count: 2, size: 4 });
  const lease = await pool.lend();
  const writing = pool.write(bytesOf('twelve bytes'));
  const never = later(pool.lend());
  const closing = pool.close();
  expect(pool.close()).toBe(closing);
  await closing;
  await writing;
  await expect(never).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  await expect(pool.write(bytesOf('x'))).rejects.toThrow('the pool has been closed');
  lease.release();
  const target = new Uint8Array(13);
  expect(await ring.recv(other, target)).toBe(12);
  expect(text(target.subarray(0, 12))).toBe('twelve bytes');
});

test('bytes that are detached while they wait are no others', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  await using pool = ring.sendPool(one, { count: 1, size: 4 });
  const bytes = new Uint8Array(12).fill(0x61);
  const writing = later(pool.write(bytes));
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  await expect(writing).rejects.toMatchObject({ code: 'ERR_NEARMETAL_DETACHED' });
  await pool.write(bytesOf('next'));
  const target = new Uint8Array(8);
  expect(await ring.recv(other, target, { waitAll: true })).toBe(8);
  expect(text(target)).toBe('aaaanext');
});

withSeam('refused submissions and completions out of turn change no byte', async () => {
  const faults = seam();
  const ring = openRing();
  const reader = openRing();
  const { client, server } = await narrowUnix(reader);
  const bytes = pattern(200_000);
  const reading = readAll(reader, server, 999);
  const pool = ring.sendPool(client, { count: 8, size: 700 });
  faults.chaos(7, { delay: 300, reorder: 300, duplicate: 200 });
  for (let at = 0; at < bytes.length; at += 1000) {
    if (at % 20_000 === 0) {
      faults.fail(SYS_io_uring_enter, 1, 2, at % 40_000 === 0 ? EAGAIN : EBUSY);
    }
    await pool.write(bytes.subarray(at, at + 1000));
  }
  await pool.close();
  faults.reset();
  await reader.shutdown(client, 'write');
  expect(hash(await reading)).toBe(hash(bytes));
});

withSeam('a registration that is refused is an error, and leaves nothing behind', async () => {
  needs('register:PBUF_STATUS');
  const faults = seam();
  const ring = openRing();
  const { client } = await narrow(ring);
  const { regions } = native.regionStats();
  faults.fail(SYS_io_uring_register, 1, 1, EPERM);
  expect(() => ring.sendPool(client, { count: 4, size: 64 })).toThrow(
    expect.objectContaining({ code: 'EPERM' }),
  );
  expect(native.regionStats().regions).toBe(regions);
  // After a short send the kernel will not say how far it has come.
  const { client: sender, server: receiver } = await narrowUnix(ring);
  const pool = ring.sendPool(sender, { count: 4, size: 20_000, bundle: false });
  faults.reset();
  faults.fail(SYS_io_uring_register, 1, 1, EPERM);
  const waiting = [later(pool.write(pattern(200_000))), later(pool.flushed())];
  const reading = later(readAll(ring, receiver, 1000));
  for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'EPERM' });
  await ring.shutdown(sender, 'write');
  const received = await reading;
  expect(received.length).toBeGreaterThan(0);
  expect(hash(received)).toBe(hash(pattern(200_000).subarray(0, received.length)));
});

test('refuses wrong arguments by name', async () => {
  const ring = openRing();
  const [one] = await unixPair(ring);
  const make = (options: object) => () => ring.sendPool(one, options as never);
  expectRefusal(make({ count: 0, size: 1 }), RANGE, '"count"');
  expectRefusal(make({ count: 1, size: 2 ** 31 }), RANGE, '"size"');
  expectRefusal(make({ count: 1, size: 1, bundle: 1 }), TYPE, '"bundle"');
  expectRefusal(make({ count: 1, size: 1, signal: {} }), TYPE, '"signal"');
  expectRefusal(make({ count: 1, size: 1, flags: 1 }), VALUE, '"flags"');
  expectRefusal(() => ring.sendPool('x' as never, { count: 1, size: 1 }), TYPE, '"socket"');
  await using pool = ring.sendPool(one, { count: 1, size: 4 });
  expectRefusal(() => pool.write('text' as never), TYPE, '"bytes"');
  const lease = await pool.lend();
  expectRefusal(() => lease.send(5), RANGE, '"byteCount"');
  expectRefusal(() => lease.send(-1), RANGE, '"byteCount"');
  lease.release();
  const wrong = ring.sendPool(pipe(), { count: 1, size: 4 });
  await wrong.write(bytesOf('x'));
  await expect(wrong.flushed()).rejects.toMatchObject({ code: 'ENOTSOCK' });
  await expect(wrong.close()).rejects.toMatchObject({ code: 'ENOTSOCK' });
});
