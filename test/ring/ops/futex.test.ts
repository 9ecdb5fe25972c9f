/** futexWait, futexWake and futexWaitv: waiting for shared memory without blocking the loop. */
import { Mapping, op } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { expectRefusal, later, openRing, RANGE, TYPE, turn, VALUE } from '../../support/ring.js';

function words(count = 16): Int32Array {
  const mapping = Mapping.anonymous({ size: count * 4 });
  onTestFinished(() => mapping.dispose());
  return new Int32Array(mapping.bytes.buffer);
}

test('waits while the word has the value, until it is woken', async () => {
  needs('op:FUTEX_WAKE');
  const ring = openRing();
  const shared = words();
  let woken = false;
  const waiting = ring.futexWait(shared, 3, 0).then((result) => {
    woken = true;
    return result;
  });
  await turn();
  expect(woken).toBe(false);
  expect(await ring.futexWake(shared, 2)).toBe(0);
  await turn();
  expect(woken).toBe(false);
  Atomics.store(shared, 3, 1);
  expect(await ring.futexWake(shared, 3)).toBe(1);
  expect(await waiting).toBe('ok');
});

test('has nothing to wait for when the word has changed', async () => {
  needs('op:FUTEX_WAIT');
  const ring = openRing();
  const shared = words();
  shared[0] = -5;
  expect(await ring.futexWait(shared, 0, 5)).toBe('not-equal');
  const waiting = later(ring.futexWait(shared, 0, -5));
  await turn();
  expect(await ring.futexWake(shared, 0)).toBe(1);
  expect(await waiting).toBe('ok');
  const unsigned = new Uint32Array(shared.buffer);
  unsigned[1] = 0xffff_fff0;
  const other = ring.futexWait(unsigned, 1, 0xffff_fff0);
  await turn();
  expect(await ring.futexWake(unsigned, 1)).toBe(1);
  expect(await other).toBe('ok');
});

test('wakes as many as it is told, and those with a bit in common', async () => {
  needs('op:FUTEX_WAKE');
  const ring = openRing();
  const shared = words();
  const all = Array.from({ length: 3 }, () => ring.futexWait(shared, 0, 0));
  await turn();
  expect(await ring.futexWake(shared, 0, { count: 2 })).toBe(2);
  expect(await ring.futexWake(shared, 0)).toBe(1);
  expect(await Promise.all(all)).toEqual(['ok', 'ok', 'ok']);
  const odd = ring.futexWait(shared, 1, 0, { mask: 0b01, private: true });
  const even = ring.futexWait(shared, 1, 0, { mask: 0b10, private: true });
  await turn();
  expect(await ring.futexWake(shared, 1)).toBe(0);
  expect(await ring.futexWake(shared, 1, { mask: 0b10, private: true })).toBe(1);
  expect(await even).toBe('ok');
  expect(await ring.futexWake(shared, 1, { mask: 0b11, private: true })).toBe(1);
  expect(await odd).toBe('ok');
});

test('the first of several words, by its place', async () => {
  needs('op:FUTEX_WAKE');
  const ring = openRing();
  const [one, two] = [words(), words()];
  const waiters = [
    { words: one, index: 0, value: 0 },
    { words: two, index: 5, value: 0, private: true },
    { words: one, index: 1, value: 0 },
  ];
  const waiting = ring.futexWaitv(waiters);
  await turn();
  expect(await ring.futexWake(two, 5, { private: true })).toBe(1);
  expect(await waiting).toBe(1);
  // The others are waited for no more.
  expect(await ring.futexWake(one, 0)).toBe(0);
  one[1] = 9;
  expect(await ring.futexWaitv(waiters)).toBe(-1);
});

test('is given up by a signal and by a timeout, and wakes nobody then', async () => {
  needs('op:FUTEX_WAIT');
  const ring = openRing();
  const shared = words();
  const stop = new AbortController();
  const aborted = later(ring.futexWait(shared, 0, 0, { signal: stop.signal }));
  const timed = later(ring.futexWait(shared, 0, 0, { timeoutMs: 5 }));
  const several = later(
    ring.futexWaitv([{ words: shared, index: 0, value: 0 }], { signal: stop.signal }),
  );
  await expect(timed).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  stop.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  await expect(several).rejects.toMatchObject({ name: 'AbortError' });
  expect(await ring.futexWake(shared, 0)).toBe(0);
  expect(ring.stats.inFlight).toBe(0);
});

test('a mapping disposed in flight stays until the wait has ended', async () => {
  needs('op:FUTEX_WAIT');
  const ring = openRing();
  const mapping = Mapping.anonymous({ size: 4096 });
  const shared = new Int32Array(mapping.bytes.buffer);
  const waiting = later(ring.futexWait(shared, 0, 0));
  const several = later(ring.futexWaitv([{ words: shared, index: 0, value: 0 }]));
  await turn();
  mapping.dispose();
  expect(mapping.inFlight).toBe(1);
  await ring.asyncCancel('any');
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(several).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(mapping.inFlight).toBe(0);
});

test('refuses wrong arguments by name', () => {
  const shared = words();
  const wait =
    (...given: unknown[]) =>
    () =>
      op.futexWait(...(given as [never, never, never]));
  expectRefusal(wait(new Int32Array(1), 0, 0), TYPE, 'over a Mapping');
  expectRefusal(wait(new Uint8Array(shared.buffer), 0, 0), TYPE, '"words"');
  expectRefusal(wait(shared, shared.length, 0), RANGE, '"index"');
  expectRefusal(wait(shared, -1, 0), RANGE, '"index"');
  expectRefusal(wait(shared, 0, 2 ** 32), RANGE, '"value"');
  expectRefusal(wait(shared, 0, 0.5), RANGE, '"value"');
  expectRefusal(wait(shared, 0, 0, { mask: 0 }), RANGE, '"mask"');
  expectRefusal(wait(shared, 0, 0, { shared: true }), VALUE, '"shared"');
  expectRefusal(() => op.futexWake(shared, 0, { count: 0 }), RANGE, '"count"');
  expectRefusal(() => op.futexWaitv([]), VALUE, '"waiters"');
  expectRefusal(() => op.futexWaitv(Array(129).fill({})), VALUE, '"waiters"');
  const waiter = { words: shared, index: 0, value: 0 };
  expectRefusal(() => op.futexWaitv([waiter, { ...waiter, index: 9999 }]), RANGE, '"index"');
  expectRefusal(() => op.futexWaitv([{ ...waiter, mask: 1 } as never]), VALUE, '"mask"');
});
