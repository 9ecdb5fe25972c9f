/** What results say beside their reference, turned so that more is better: 2 is twice as good. */
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

/** The interval as text, with `dash` between its ends. */
export function intervalText(result: Result, dash = '-'): string {
  return timesInterval(result)
    .map((end) => end.toFixed(2))
    .join(` ${dash} `);
}

/** Whether it is better or worse than its reference for sure: the whole interval says so. */
export function sureness(result: Result): 'win' | 'lose' | undefined {
  if (result.ratio === null) return undefined;
  const [low, high] = timesInterval(result);
  return high < 1 ? 'lose' : low > 1 ? 'win' : undefined;
}

/** What was done, where rows of several benchmarks stand together. */
export const workName = ({ bench, metric }: Result): string => `${bench} ${metric}`;

/** What a result is called there. */
export const rowName = (result: Result): string => `${workName(result)}, ${result.subject}`;

export const isOurs = (subject: string): boolean => subject.startsWith('nearmetal');

/** `p99` of `50x64 p99`; undefined for what is no percentile. */
export function percentileOf(metric: string): string | undefined {
  return /(?:^| )(p[\d.]+)$/.exec(metric)?.[1];
}

/** Our rows, without references beside themselves and without percentiles. */
export const ourRows = (results: readonly Result[]): Result[] =>
  results.filter(
    ({ subject, reference, metric }) =>
      isOurs(subject) && reference !== subject && percentileOf(metric) === undefined,
  );

/** Our rows that are behind their reference for sure, the farthest first. */
export const losses = (results: readonly Result[]): Result[] =>
  ourRows(results)
    .filter((result) => sureness(result) === 'lose')
    .sort((left, right) => timesAsGood(left) - timesAsGood(right));
