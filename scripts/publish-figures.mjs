/**
 * Writes the tables of README.md and docs/performance.md from a run that was kept:
 * `node scripts/publish-figures.mjs [RUN.json]`. Figures are never typed by hand.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const KEPT = 'bench/results.json';

const ours = ({ subject }) => subject.startsWith('nearmetal');
const isPercentile = ({ metric }) => /(?:^| )p[\d.]+$/.test(metric);

function digits(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}

function timesOf({ ratio, better }) {
  return better === 'higher' ? ratio : 1 / ratio;
}

function intervalOf({ interval: [low, high], better }) {
  return (better === 'higher' ? [low, high] : [1 / high, 1 / low])
    .map((end) => end.toFixed(2))
    .join(' – ');
}

function row(cells) {
  return `| ${cells.join(' | ')} |`;
}

function table(headings, rows) {
  return [row(headings), row(headings.map(() => '---')), ...rows.map(row)].join('\n');
}

/** What was measured, when and on what. */
export function conditions({ date, command, machine, noise }) {
  const facts = machine.map(([name, value]) => `${name} ${value}`).join(';\n');
  const doubts = noise.length === 0 ? 'nothing else was running' : noise.join('; ');
  return [`${date.slice(0, 10)}, \`${command}\`;`, `${facts};`, `${doubts}.`].join('\n');
}

/** Each row of the headline: work, and the benchmark, metric and subjects of its columns. */
const headline = [
  ['echo, 50 connections, 64 B', 'echo', '50x64', 'nearmetal handlers', 'node:net'],
  [
    'echo, 200 connections, 64 B, 16 on the way',
    'echo',
    '200x64 pipelined 16',
    'nearmetal handlers',
    'node:net',
  ],
  ['echo, 20 connections, 16 KiB', 'echo', '20x16384', 'nearmetal handlers', 'node:net'],
  [
    'random 4 KiB reads past the page cache, depth 32',
    'fread',
    'direct depth 32',
    'nearmetal registered',
    'fs.promises.read',
  ],
  [
    'random 4 KiB reads from the page cache, depth 32',
    'fread',
    'cached depth 32',
    'nearmetal registered',
    'fs.promises.read',
  ],
];

/** A ratio to C with the CPU time of an operation beside it. */
function cell(run, bench, metric, subject) {
  const result = run.results.find(
    (each) => each.bench === bench && each.metric === metric && each.subject === subject,
  );
  if (result === undefined) return '';
  const cpu = result.cpuUsPerOp === undefined ? '' : `, ${result.cpuUsPerOp.toPrecision(2)} µs`;
  return `${timesOf(result).toFixed(2)}x${cpu}`;
}

export function readmeTable(run) {
  const rows = headline.map(([work, bench, metric, own, node]) => [
    work,
    cell(run, bench, metric, 'C io_uring'),
    cell(run, bench, metric, own),
    cell(run, bench, metric, node),
    cell(run, bench, metric, 'Bun'),
  ]);
  const headings = ['work', 'C io_uring', 'nearmetal', "Node's own way", 'Bun'];
  return `${table(headings, rows)}\n\n${conditions(run)}`;
}

/** Every row of ours, benchmark by benchmark, and first those where the reference is ahead. */
export function resultTables(run) {
  const rows = run.results.filter(
    (result) => ours(result) && result.ratio !== null && !isPercentile(result),
  );
  const compared = rows.filter(({ subject, reference }) => subject !== reference);
  const behind = compared
    .filter((result) => Number(intervalOf(result).split(' – ')[1]) < 1)
    .sort((left, right) => timesOf(left) - timesOf(right));
  const line = (result) => [
    `${result.bench} ${result.metric}`,
    result.subject,
    `${digits(result.value)} ${result.unit}`,
    `${timesOf(result).toFixed(2)}x`,
    intervalOf(result),
    result.reference,
  ];
  const headings = ['work', 'subject', 'figure', 'times as good', '95 % interval', 'as'];
  return [
    conditions(run),
    '### Where it loses',
    table(headings, behind.map(line)),
    '### All rows',
    table(headings, compared.map(line)),
    ...run.absent.map((each) => `- ${each}`),
  ].join('\n\n');
}

/** Replaces what stands between the two marks in `text`. */
export function between(text, name, content) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`no ${begin} ... ${end}`);
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
}

/** The two pages as they should be, by path. */
export function pages(run) {
  const read = (path) => readFileSync(path, 'utf8');
  return {
    'README.md': between(read('README.md'), 'figures', readmeTable(run)),
    'docs/performance.md': between(read('docs/performance.md'), 'figures', resultTables(run)),
  };
}

export const keptRun = () => JSON.parse(readFileSync(KEPT, 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = process.argv[2];
  if (given !== undefined) copyFileSync(given, KEPT);
  for (const [path, text] of Object.entries(pages(keptRun()))) writeFileSync(path, text);
}
