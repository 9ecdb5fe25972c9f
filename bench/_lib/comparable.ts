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

/** What a result is called where rows of several benchmarks stand together. */
export const rowName = ({ bench, metric, subject }: Result): string =>
  `${bench} ${metric}, ${subject}`;

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
