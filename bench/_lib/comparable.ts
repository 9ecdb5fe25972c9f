/** Ratios turned so that more is better: 2 is twice the rate, or half the time. */
import type { Result } from './session.js';
import type { Interval } from './statistics.js';

/** NaN where there is no reference. */
export function timesAsGood({ ratio, better }: Result): number {
  if (ratio === null) return Number.NaN;
  return better === 'higher' ? ratio : 1 / ratio;
}

export function timesInterval({ interval: [low, high], better }: Result): Interval {
  return better === 'higher' ? [low, high] : [1 / high, 1 / low];
}
