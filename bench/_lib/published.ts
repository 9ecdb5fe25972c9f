/** The figures that the project shows: tables for README.md and docs/performance.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { intervalText, losses, ourRows, timesAsGood } from './comparable.js';
import { root } from './paths.js';
import { figure } from './report.js';
import type { Run } from './saved.js';
import type { Result } from './session.js';

const COLUMNS = 100;

/** The run that is shown. */
export const KEPT = join(root, 'bench/results.json');

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

/** What was measured, when and on what. */
function conditions({ date, command, machine, noise }: Run): string {
  const facts = machine.map(([name, value]) => wrapped(`${name} ${value};`));
  const doubts = noise.length === 0 ? 'nothing else was running' : noise.join('; ');
  const what = `${date.slice(0, 10)}, \`${command}\`;`;
  return [wrapped(what), ...facts, wrapped(`${doubts}.`)].join('\n');
}

/** A row of the README: work, and where its columns come from. */
interface Headline {
  readonly work: string;
  readonly bench: string;
  readonly metric: string;
  readonly ours: string;
  readonly node: string;
}

const echo = (work: string, metric: string): Headline => ({
  work: `echo, ${work}`,
  bench: 'echo',
  metric,
  ours: 'nearmetal handlers',
  node: 'node:net',
});

const reads = (work: string, metric: string): Headline => ({
  work: `random 4 KiB reads ${work}`,
  bench: 'fread',
  metric,
  ours: 'nearmetal registered',
  node: 'fs.promises.read',
});

const headlines = [
  echo('50 connections, 64 B', '50x64'),
  echo('200 connections, 64 B, 16 on the way', '200x64 pipelined 16'),
  echo('20 connections, 16 KiB', '20x16384'),
  reads('past the page cache, depth 32', 'direct depth 32'),
  reads('from the page cache, depth 32', 'cached depth 32'),
];

/** A ratio to C with the CPU time of an operation beside it. */
function cell(run: Run, { bench, metric }: Headline, subject: string): string {
  const result = run.results.find(
    (each) => each.bench === bench && each.metric === metric && each.subject === subject,
  );
  if (result === undefined) return '';
  const { cpuUsPerOp: us } = result;
  const cpu = us === undefined ? '' : `, ${us < 10 ? us.toPrecision(2) : Math.round(us)} µs`;
  return `${timesAsGood(result).toFixed(2)}x${cpu}`;
}

function readmeTable(run: Run): string {
  const rows = headlines.map((headline) => {
    const subjects = ['C io_uring', headline.ours, headline.node, 'Bun'];
    return [headline.work, ...subjects.map((subject) => cell(run, headline, subject))];
  });
  const headings = ['work', 'C io_uring', 'nearmetal', "Node's own way", 'Bun'];
  return `${table(headings, rows)}\n\n${conditions(run)}`;
}

/** Every row of ours, benchmark by benchmark, and first those where the reference is ahead. */
function resultTables(run: Run): string {
  const rows = ourRows(run.results).filter(({ ratio }) => ratio !== null);
  const behind = losses(run.results);
  const cells = (result: Result): string[] => [
    `${result.bench} ${result.metric}`,
    result.subject,
    `${figure(result.value)} ${result.unit}`,
    `${timesAsGood(result).toFixed(2)}x`,
    intervalText(result, '–'),
    result.reference ?? '',
  ];
  const headings = ['work', 'subject', 'figure', 'times as good', '95 % interval', 'as'];
  return [
    conditions(run),
    '### Where it loses',
    table(headings, behind.map(cells)),
    '### All rows',
    table(headings, rows.map(cells)),
    ...run.absent.map((each) => wrapped(`- ${each}`, '  ')),
  ].join('\n\n');
}

/** Replaces what stands between the two marks in `text`. */
function between(text: string, content: string): string {
  const [begin, end] = ['<!-- figures -->', '<!-- /figures -->'];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`no ${begin} ... ${end}`);
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
}

/** The pages as they should be for `run`, by path from the root. */
export function pages(run: Run): Readonly<Record<string, string>> {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  return {
    'README.md': between(read('README.md'), readmeTable(run)),
    'docs/performance.md': between(read('docs/performance.md'), resultTables(run)),
  };
}

/** Text in lines that the house allows. */
function wrapped(text: string, indent = ''): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) as string;
    if (line.length + word.length < COLUMNS) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(indent + word);
  }
  return lines.join('\n').trimStart();
}
