/** Results as a table for people or as lines of JSON for programs, and progress beside both. */
import { intervalText, timesAsGood } from './comparable.js';
import type { Result, Session } from './session.js';

const PLAIN_PROGRESS_INTERVAL_MS = 5000;

/** Three or four digits that count, with thousands set apart. */
export function figure(value: number): string {
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** One line per result; `ratio` is always value / the reference's value, whatever is better. */
export function jsonLine(result: Result): string {
  const { bench, subject, metric, unit, reference, ratio, cpuUsPerOp, counts = {} } = result;
  const { systemCalls, events = {} } = counts;
  const counted = Object.entries(events).map(([event, count]) => [
    `${event.replaceAll('-', '_')}_per_op`,
    rounded(count),
  ]);
  return JSON.stringify({
    bench,
    subject,
    metric,
    value: rounded(result.value),
    unit,
    reference,
    ratio: ratio === null ? null : rounded(ratio),
    ...(cpuUsPerOp === undefined ? {} : { cpu_us_per_op: rounded(cpuUsPerOp) }),
    ...(systemCalls === undefined ? {} : { system_calls_per_op: rounded(systemCalls) }),
    ...Object.fromEntries(counted),
  });
}

/** How many times as good as the reference, as a cell. */
function timesCell(result: Result): string {
  return result.ratio === null ? '' : `${timesAsGood(result).toFixed(2)}x`;
}

/** The CPU's counters that some result has. */
export function eventsOf(results: readonly Result[]): string[] {
  return [...new Set(results.flatMap(({ counts }) => Object.keys(counts?.events ?? {})))];
}

const headings = (events: readonly string[]): string[] => [
  'subject',
  'value',
  'unit',
  'of reference',
  '95 % interval',
  'CPU us/op',
  'syscalls/op',
  ...events.map((event) => `${event}/op`),
  'spread',
  'outliers',
];

/** Where the figure of the column before it lies. */
function intervalCell(result: Result): string {
  const { interval, reference, subject, ratio } = result;
  if (reference === subject) return '';
  if (ratio === null) return interval.map(figure).join(' - ');
  return intervalText(result);
}

/** What is counted for an operation: often far less than one. */
export function few(count: number | undefined): string {
  if (count === undefined) return '';
  if (count >= 100) return Math.round(count).toLocaleString('en-US');
  return count.toFixed(count >= 10 ? 1 : count >= 0.1 || count === 0 ? 2 : 3);
}

/** A counter of the CPU for an operation. */
export function eventCell({ counts }: Result, event: string): string {
  return few((counts?.events as Readonly<Record<string, number>> | undefined)?.[event]);
}

function cells(result: Result, events: readonly string[]): string[] {
  return [
    result.subject,
    figure(result.value),
    result.unit,
    timesCell(result),
    intervalCell(result),
    result.cpuUsPerOp === undefined ? '' : figure(result.cpuUsPerOp),
    few(result.counts?.systemCalls),
    ...events.map((event) => eventCell(result, event)),
    `${(100 * result.spread).toFixed(0)}%`,
    result.outliers === 0 ? '' : `${result.outliers}`,
  ];
}

/** Pads each column to its widest cell; the first is text, the others are figures. */
export function align(
  rows: readonly (readonly string[])[],
  left: readonly number[] = [0],
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return left.includes(column) ? cell.padEnd(width) : cell.padStart(width);
    });
    return padded.join('  ').trimEnd();
  });
}

/** The table of a whole session: one block per metric, subjects in the order they were measured. */
export function table(results: readonly Result[]): string {
  const blocks = new Map<string, Result[]>();
  for (const result of results) {
    const title = `${result.bench} ${result.metric}`;
    blocks.set(title, [...(blocks.get(title) ?? []), result]);
  }
  const events = eventsOf(results);
  const rows = results.map((result) => cells(result, events));
  const lines = align([headings(events), ...rows], [0, 2]);
  const output = [lines[0] as string];
  let next = 1;
  for (const [title, block] of blocks) {
    const reference = block[0]?.reference;
    output.push('', reference ? `${title} (reference: ${reference})` : title);
    for (const _ of block) output.push(`${lines[next++]}`);
  }
  return output.join('\n');
}

/** Who did not take part, and why. */
export function absences(session: Pick<Session, 'missing' | 'failed'>): string[] {
  return [
    ...[...session.missing].map(([subject, reason]) => `missing: ${subject}: ${reason}`),
    ...[...session.failed.values()].map((reason) => `FAILED: ${reason}`),
  ];
}

const BAR_WIDTH = 20;

/** A bar with the time left, once there is something to reckon it from. */
function bar(part: number, elapsedMs: number): string {
  const filled = Math.round(BAR_WIDTH * part);
  const left = part > 0.02 ? `~${Math.ceil((elapsedMs / part - elapsedMs) / 1000)} s left` : '';
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${left.padEnd(12)}`;
}

/**
 * Progress on stderr: one line that changes on a terminal, a plain line now and then elsewhere.
 * `part` answers how much is done, from 0 to 1.
 */
export function progressLine(
  part?: () => number,
  stream: NodeJS.WriteStream = process.stderr,
): {
  show(text: string): void;
  clear(): void;
} {
  const startedAt = Date.now();
  let shownAt = 0;
  return {
    show(text) {
      const elapsedMs = Date.now() - startedAt;
      const elapsed = `${(elapsedMs / 1000).toFixed(0).padStart(3)} s  `;
      if (stream.isTTY) {
        const line = (part ? bar(part(), elapsedMs) : elapsed) + text;
        stream.write(`\r\x1b[K${line.slice(0, (stream.columns || 80) - 1)}`);
      } else if (Date.now() - shownAt >= PLAIN_PROGRESS_INTERVAL_MS) {
        shownAt = Date.now();
        stream.write(`${elapsed}${text}\n`);
      }
    },
    clear() {
      if (stream.isTTY) stream.write('\r\x1b[K');
    },
  };
}
