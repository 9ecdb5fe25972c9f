/** timeoutRemove, timeoutUpdate and timeoutMultishot. */
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  expectRefusal,
  later,
  openRing,
  pipe,
  RANGE,
  TYPE,
  until,
  VALUE,
} from '../../support/ring.js';

/** The name that a new ring gives to its first operation: slot 0, generation 0, opcode above. */
const FIRST_TIMEOUT = { low: 11 << 24, high: 0 };
const LONG = 60_000;

test('ends the timeout of that name', async () => {
  const ring = openRing();
  const waiting = later(ring.timeout(LONG));
  await ring.nop();
  await ring.run(op.timeoutRemove(FIRST_TIMEOUT));
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(ring.run(op.timeoutRemove(FIRST_TIMEOUT))).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'io_uring:timeout_remove',
  });
});

test('gives a timeout another time, also a time of the clock', async () => {
  for (const [ms, clock, absolute] of [
    [1, 'monotonic', false],
    [0, 'boottime', true],
    [Date.now(), 'realtime', true],
  ] as const) {
    const ring = openRing();
    const waiting = ring.timeout(clock === 'realtime' ? Date.now() + LONG : LONG, {
      clock,
      absolute: clock === 'realtime',
    });
    await ring.nop();
    await ring.run(op.timeoutUpdate(FIRST_TIMEOUT, ms, { absolute }));
    await waiting;
  }
});

test('gives the limit of an operation in flight another time', async () => {
  const ring = openRing();
  const poll = later(ring.pollAdd(pipe(), ['in'], { timeoutMs: LONG }));
  await ring.nop();
  // Slot 1, after the poll's; opcode 15 is LINK_TIMEOUT.
  const limit = { low: (15 << 24) | 1, high: 0 };
  await ring.run(op.timeoutUpdate(limit, 1, { link: true }));
  await expect(poll).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('multishot tells again and again, as an iterable', async () => {
  const ring = openRing();
  let ticks = 0;
  for await (const tick of ring.timeoutMultishot(1, { clock: 'boottime' })) {
    expect(tick).toBeUndefined();
    if (++ticks === 5) break;
  }
  expect(ticks).toBe(5);
  await until(() => ring.stats.inFlight === 0);
});

test('multishot tells a handler, with one submission', async () => {
  needs('linux:6.4');
  const ring = openRing();
  let ticks = 0;
  const handler = ring.handler((_tag, result) => {
    if (result === -62) ticks++;
  });
  ring.start(op.timeoutMultishot(1), handler);
  await until(() => ticks >= 3);
  expect(ring.stats.submitted).toBe(1);
  expect(ring.stats.inFlight).toBe(1);
  await ring.asyncCancel('any');
});

test('multishot goes on one by one where the kernel cannot repeat', async () => {
  const ring = openRing();
  const operation = op.timeoutMultishot(1);
  operation.lower?.();
  let ticks = 0;
  for await (const _ of ring.stream(operation)) if (++ticks === 3) break;
  expect(ticks).toBe(3);
  expect(ring.stats.submitted).toBeGreaterThanOrEqual(3);
});

test('multishot ends by its signal', async () => {
  const ring = openRing();
  const stop = new AbortController();
  const ticks = ring.timeoutMultishot(1, { signal: stop.signal });
  await ticks.next();
  stop.abort();
  const all = async (): Promise<void> => {
    for await (const _ of ticks);
  };
  await expect(all()).rejects.toMatchObject({ name: 'AbortError' });
  await until(() => ring.stats.inFlight === 0);
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.timeoutRemove({ low: 1 } as never), TYPE, '"target.high"');
  expectRefusal(() => op.timeoutUpdate(FIRST_TIMEOUT, -1), RANGE, '"ms"');
  expectRefusal(
    () => op.timeoutUpdate(FIRST_TIMEOUT, 1, { clock: 'boottime' } as never),
    VALUE,
    '"clock"',
  );
  expectRefusal(() => op.timeoutUpdate(FIRST_TIMEOUT, 1, { link: 1 as never }), TYPE, '"link"');
  expectRefusal(() => op.timeoutMultishot(1, { absolute: true } as never), VALUE, '"absolute"');
  expectRefusal(() => op.timeoutMultishot(-1), RANGE, '"ms"');
});
