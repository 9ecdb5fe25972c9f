/** pollAdd and pollMultishot: readiness, once and every time. */
import { asFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  pipe,
  TYPE,
  until,
  VALUE,
} from '../../support/ring.js';

const NONE = { in: false, out: false, pri: false, rdhup: false, err: false, hup: false };

test('tells what is ready', async () => {
  const ring = openRing();
  const ends = pipe();
  expect(await ring.pollAdd(ends, ['out'])).toEqual({ ...NONE, out: true });
  const waiting = ring.pollAdd(ends, ['in']);
  await ring.nop();
  expect(ring.stats.inFlight).toBe(1);
  await ring.write(ends, bytesOf('x'));
  expect(await waiting).toEqual({ ...NONE, in: true });
  expect(await ring.pollAdd(ends, ['in', 'out'])).toEqual({ ...NONE, in: true, out: true });
});

test('tells of a peer that has gone', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const waiting = ring.pollAdd(client, ['rdhup', 'in']);
  server.close();
  expect(await waiting).toMatchObject({ rdhup: true, in: true, hup: false });
  await ring.shutdown(client, 'write');
  await until(() => true);
  expect(await ring.pollAdd(client, [])).toMatchObject({ hup: true });
});

test('multishot tells each time', async () => {
  const ring = openRing();
  const ends = pipe();
  const target = new Uint8Array(8);
  let seen = 0;
  const before = ring.stats.submitted;
  await ring.write(ends, bytesOf('first'));
  for await (const events of ring.pollMultishot(ends, ['in'])) {
    expect(events).toEqual({ ...NONE, in: true });
    await ring.read(ends, target);
    if (++seen === 5) break;
    await ring.write(ends, bytesOf('next'));
  }
  expect(ring.stats.inFlight).toBe(0);
  // 5 writes, 5 reads, one poll and the request that ended it.
  expect(ring.stats.submitted - before).toBe(12);
});

test('a signal ends the iteration with an AbortError', async () => {
  const ring = openRing();
  const stop = new AbortController();
  const events = ring.pollMultishot(pipe(), ['in'], { signal: stop.signal });
  const next = later(events.next());
  await ring.nop();
  stop.abort();
  await expect(next).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  expect(ring.stats.inFlight).toBe(0);
  expect(await events.next()).toEqual({ value: undefined, done: true });
});

test('refuses what cannot be polled', async () => {
  const ring = openRing();
  const ends = pipe();
  await expect(ring.pollAdd(asFd(19_999), ['in'])).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'io_uring:poll_add',
  });
  const stream = ring.pollMultishot(asFd(19_999), ['in']);
  await expect(stream.next()).rejects.toMatchObject({ code: 'EBADF' });
  expect(await stream.next()).toEqual({ value: undefined, done: true });
  expectRefusal(() => op.pollAdd(ends, 'in' as never), VALUE, '"events"');
  expectRefusal(() => op.pollAdd(ends, ['read'] as never), VALUE, 'in, out, pri');
  expectRefusal(() => op.pollMultishot(5 as never, ['in']), TYPE, '"fd"');
  expectRefusal(() => ring.pollMultishot(ends, ['in'], { timeoutMs: 5 } as never), VALUE, 'signal');
});
