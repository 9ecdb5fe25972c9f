/** timeout and link timeouts: spans, times of a clock, counts; never how long they took. */
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  expectRefusal,
  later,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

const LONG_MS = 3_600_000;

test('completes when the time has passed, whole or fractional', async () => {
  const ring = openRing();
  for (const ms of [0, 0.000_001, 0.5, 1, 2.25]) expect(await ring.timeout(ms)).toBe(undefined);
});

test('shorter ones come first', async () => {
  const ring = openRing();
  const order: number[] = [];
  // Far apart: they begin one after the other, and a busy machine may pause between.
  const spans = [800, 1, 400];
  await Promise.all(spans.map((ms) => ring.timeout(ms).then(() => order.push(ms))));
  expect(order).toEqual([1, 400, 800]);
});

test('completes after so many others', async () => {
  const ring = openRing();
  let done = false;
  const counting = ring.run(op.timeout(LONG_MS, { count: 3 })).then(() => {
    done = true;
  });
  await Promise.all([ring.nop(), ring.nop()]);
  expect(done).toBe(false);
  await ring.nop();
  await counting;
  expect(done).toBe(true);
});

test('waits for a time of each clock', async () => {
  needs('linux:5.15');
  const ring = openRing();
  await ring.run(op.timeout(Date.now() + 5, { absolute: true, clock: 'realtime' }));
  await ring.run(op.timeout(Date.now() - 1000, { absolute: true, clock: 'realtime' }));
  await ring.run(op.timeout(1, { absolute: true, clock: 'monotonic' }));
  await ring.run(op.timeout(1, { absolute: true, clock: 'boottime' }));
  await ring.run(op.timeout(1, { clock: 'boottime' }));
  await ring.run(op.timeout(1, { clock: 'realtime' }));
  await ring.run(op.timeout(1, { etimeSuccess: true }));
});

test('a signal ends it', async () => {
  const ring = openRing();
  const stop = new AbortController();
  const waiting = later(ring.timeout(LONG_MS, { signal: stop.signal }));
  await ring.nop();
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  await expect(ring.timeout(LONG_MS, { timeoutMs: 1 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    syscall: 'io_uring:timeout',
  });
});

test('timeoutMs ends what waits, and leaves alone what is quicker', async () => {
  const ring = openRing();
  const file = openWith('abc');
  expect(await ring.read(file, new Uint8Array(3), { timeoutMs: LONG_MS })).toBe(3);
  await expect(ring.read(pipe(), new Uint8Array(3), { timeoutMs: 2 })).rejects.toMatchObject({
    name: 'SystemError',
    code: 'ETIMEDOUT',
    errno: -110,
    syscall: 'io_uring:read',
  });
  expect(ring.stats.inFlight).toBe(0);
});

test('timeoutMs and signal together: the first one says why', async () => {
  const ring = openRing();
  const ends = pipe();
  const stop = new AbortController();
  const target = new Uint8Array(1);
  const options = { timeoutMs: LONG_MS, signal: stop.signal };
  const waiting = later(ring.read(ends, target, options));
  await ring.nop();
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  const unused = new AbortController();
  const timed = ring.read(ends, target, { timeoutMs: 2, signal: unused.signal });
  await expect(timed).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('what is cancelled otherwise did not time out', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const ends = pipe();
  const waiting = later(ring.read(ends, new Uint8Array(1), { timeoutMs: LONG_MS }));
  await ring.nop();
  await ring.run(op.asyncCancel(ends));
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('refuses wrong arguments by name', () => {
  const ring = openRing();
  for (const ms of [-1, -0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
    expectRefusal(() => ring.timeout(ms), RANGE, '"ms"');
    expectRefusal(() => ring.nop({ timeoutMs: ms }), RANGE, '"timeoutMs"');
  }
  expectRefusal(() => ring.timeout('5' as never), TYPE, '"ms"');
  expectRefusal(() => ring.nop({ timeoutMs: 5n as never }), TYPE, '"timeoutMs"');
  expectRefusal(() => op.timeout(1, { clock: 'utc' as never }), VALUE, "'realtime'");
  expectRefusal(() => op.timeout(1, { count: -1 }), RANGE, '"count"');
  expectRefusal(() => op.timeout(1, { absolute: 1 as never }), TYPE, '"absolute"');
  expectRefusal(() => op.linkTimeout(-1), RANGE, '"timeoutMs"');
  expect(ring.stats.submitted).toBe(0);
});
