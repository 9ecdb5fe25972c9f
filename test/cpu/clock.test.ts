/** Clocks go forward and agree with each other; how fast they are is for the benchmark. */
import { expect, test } from 'vitest';
import { nanoseconds, tickCounter, ticks } from '../../lib/cpu/index.js';
import { evaluate } from '../support/nouring.js';

test.each([
  ['nanoseconds', nanoseconds],
  ['ticks', ticks],
])('%s go forward and are whole', (_, read) => {
  let last = read();
  for (let reading = 0; reading < 10_000; reading++) {
    const now = read();
    if (now < last || !Number.isSafeInteger(now)) expect([last, now]).toBe('in order');
    last = now;
  }
});

test('the counter is worth what the clock says', () => {
  const { hertz, invariant, reason } = tickCounter();
  expect(hertz).toBeGreaterThan(1e6);
  expect(typeof invariant).toBe('boolean');
  expect(reason).not.toBe('');
  expect(tickCounter()).toBe(tickCounter());
  if (!invariant) return;
  const [tick, nanosecond] = [ticks(), nanoseconds()];
  while (nanoseconds() - nanosecond < 20_000_000);
  const seconds = (nanoseconds() - nanosecond) / 1e9;
  const counted = (ticks() - tick) / hertz;
  // A thread that was not running between two readings sees them apart: 5 ms of 20 at most.
  expect(Math.abs(counted - seconds)).toBeLessThan(0.005);
});

test('each thread has its own', () => {
  expect(
    evaluate(`
      import { Worker } from 'node:worker_threads';
      import { once } from 'node:events';
      import { nanoseconds } from 'nearmetal/cpu';
      nanoseconds();
      const text = 'import("nearmetal/cpu").then(async (cpu) => {' +
        'const first = cpu.nanoseconds();' +
        '(await import("node:worker_threads")).parentPort.postMessage(first); });';
      const workers = Array.from({ length: 20 }, () => new Worker(text, { eval: true }));
      const said = await Promise.all(workers.map((worker) => once(worker, 'message')));
      console.log(JSON.stringify(said.every(([first]) => first >= 0 && first < 1e9)));`),
  ).toBe(true);
});
