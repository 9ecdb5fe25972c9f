/** Two runs side by side: how much each row changed, and whether it is more than noise. */
import { rowName } from './comparable.js';
import { align } from './report.js';
import type { Run } from './saved.js';
import type { Result } from './session.js';
import { change, type Interval, median, type Verdict, verdict } from './statistics.js';

export interface Change {
  readonly result: Result;
  /** How many times the old figure the new one is: of ratios where both have a reference. */
  readonly times: number;
  readonly interval: Interval;
  readonly verdict: Verdict;
}

/**
 * The rows that both runs have. What has a reference is compared as a ratio to it, so that a
 * machine that was slower as a whole changes nothing.
 */
export function compare(before: Run, after: Run): Change[] {
  const old = new Map(before.results.map((result) => [rowName(result), result]));
  return after.results.flatMap((result) => {
    const earlier = old.get(rowName(result));
    if (earlier === undefined || earlier.reference !== result.reference) return [];
    // The reference beside itself says nothing.
    if (result.reference === result.subject) return [];
    const interval = change(earlier.rounds, result.rounds);
    return {
      result,
      times: median(result.rounds) / median(earlier.rounds),
      interval,
      verdict: verdict(interval, result.better),
    };
  });
}

const headings = ['', 'old', 'new', 'of reference', 'change', '95 % interval', 'verdict'];

const percent = (times: number): string =>
  `${times >= 1 ? '+' : ''}${(100 * (times - 1)).toFixed(1)}%`;

/** How it is printed; rows that only one run has are named below it. */
export function comparison(before: Run, after: Run): string {
  const changes = compare(before, after);
  const rows = changes.map(({ result, times, interval: [low, high], verdict }) => [
    rowName(result),
    (median(result.rounds) / times).toPrecision(3),
    median(result.rounds).toPrecision(3),
    result.reference ?? result.unit,
    percent(times),
    `${percent(low)} to ${percent(high)}`,
    verdict,
  ]);
  const both = new Set(changes.map(({ result }) => rowName(result)));
  const alone = (run: Run, which: string): string[] =>
    run.results
      .filter((result) => result.reference !== result.subject && !both.has(rowName(result)))
      .map((result) => `only in ${which}: ${rowName(result)}`);
  return [
    `old: ${before.date}, ${before.command}`,
    `new: ${after.date}, ${after.command}`,
    '',
    ...align([headings, ...rows], [0, 3, 6]),
    ...alone(before, 'old'),
    ...alone(after, 'new'),
  ].join('\n');
}
