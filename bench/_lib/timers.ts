/** What the subjects of `timers` do alike: as in `reference/timers.c`. */
import { deadline } from './requests.js';
import { quantile } from './statistics.js';

export const SPAN_MS = 1;
export const FAR_MS = 100_000;
/** In flight at a time. */
export const MANY = 256;
export const CLEARED = 64;

/** One timer after the other: how late they are, in microseconds. */
export async function lateness(
  seconds: string | undefined,
  one: () => Promise<void>,
): Promise<{ operations: number; median: number; far: number }> {
  const end = deadline(seconds);
  const delays: number[] = [];
  let now = performance.now();
  while (now < end) {
    const due = now + SPAN_MS;
    await one();
    now = performance.now();
    delays.push(Math.max(0, now - due) * 1000);
  }
  return {
    operations: delays.length,
    median: quantile(delays, 0.5),
    far: quantile(delays, 0.99),
  };
}
