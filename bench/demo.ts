/** `npm run demo`: what this machine offers, then nearmetal beside Node's own way and C. */

import { choosePlacement } from './_lib/cpus.js';
import { hostFacts, watchNoise } from './_lib/host.js';
import { kernelFacts } from './_lib/kernel.js';
import { endChildrenWithUs } from './_lib/process.js';
import { absences, align, progressLine } from './_lib/report.js';
import { paces, type Result, Session } from './_lib/session.js';
import { crossing } from './crossing.bench.js';
import { echo } from './echo.bench.js';
import { fread } from './fread.bench.js';
import { nop } from './nop.bench.js';

interface Row {
  readonly label: string;
  readonly bench: string;
  readonly metric: string;
  readonly ours: string;
  readonly node?: string;
  readonly c?: string;
}

const rows: Row[] = [
  nopRow('NOP, one at a time', 'batch 1', 'nearmetal raw ring'),
  nopRow('NOP, 64 at a time', 'batch 64', 'nearmetal raw ring'),
  nopRow('NOP as promises, 64 in flight', 'batch 64', 'nearmetal promises'),
  callRow('one native call, no arguments', 'empty'),
  callRow('one native call, six integers', 'six integers'),
  callRow('one native call, a view', 'view'),
  callRow('one native call, a string', 'string'),
  echoRow('TCP echo, 50 x 64 B', '50x64'),
  echoRow('TCP echo, 20 x 16 KiB', '20x16384'),
  readRow('read 4 KiB at random, cached, 1 deep', 'cached depth 1'),
  readRow('read 4 KiB at random, cached, 32 deep', 'cached depth 32'),
  readRow('read 4 KiB past the cache, 32 deep', 'direct depth 32'),
];

function nopRow(label: string, metric: string, ours: string): Row {
  return { label, bench: 'nop', metric, ours, c: 'C io_uring' };
}

function callRow(label: string, ours: string): Row {
  return { label, bench: 'crossing', metric: 'call', ours, node: 'node: performance.now' };
}

function echoRow(label: string, metric: string): Row {
  const [ours, node, c] = ['nearmetal handlers', 'node:net', 'C io_uring'];
  return { label, bench: 'echo', metric, ours, node, c };
}

function readRow(label: string, metric: string): Row {
  const [ours, node, c] = ['nearmetal registered', 'fs.promises.read', 'C io_uring'];
  return { label, bench: 'fread', metric, ours, node, c };
}

function shortFigure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}

/** How many times as good, whichever way is better. */
function times(ours: Result | undefined, theirs: Result | undefined): string {
  if (!ours || !theirs) return '-';
  const ratio = ours.value / theirs.value;
  return `${(ours.better === 'higher' ? ratio : 1 / ratio).toFixed(2)}x`;
}

const headings = ['', 'unit', 'nearmetal', 'Node.js', 'C', 'against Node.js', 'against C'];

function sideBySide(results: readonly Result[]): string {
  const lines = [headings];
  for (const { label, bench, metric, ours, node, c } of rows) {
    const find = (subject: string | undefined) =>
      results.find(
        (result) =>
          result.bench === bench && result.metric === metric && result.subject === subject,
      );
    const [own, nodes, cs] = [find(ours), find(node), find(c)];
    const unit = (own ?? nodes ?? cs)?.unit;
    if (unit === undefined) continue;
    const figures = [own, nodes, cs].map((result) => (result ? shortFigure(result.value) : '-'));
    lines.push([label, unit, ...figures, times(own, nodes), times(own, cs)]);
  }
  return align(lines, [0, 1]).join('\n');
}

/** What the C and Node.js columns hold, and the peers that have no column. */
function notes(session: Session): string[] {
  const bun = session.results.filter(
    ({ subject, unit }) => subject === 'Bun' && unit === 'messages/s',
  );
  const epoll = session.results.filter(
    ({ subject, unit }) => subject === 'C epoll' && unit === 'messages/s',
  );
  return [
    'Node.js: performance.now(), node:net, fs.promises. C: programs of our own on io_uring.',
    'More than 1x: nearmetal is better. Every echoed byte and every block read is verified.',
    ...[...epoll, ...bun].map(
      ({ subject, metric, value }) =>
        `${subject}, echo ${metric}: ${shortFigure(value)} messages/s`,
    ),
  ];
}

async function main(): Promise<number> {
  endChildrenWithUs();
  const placement = choosePlacement();
  const facts = [...hostFacts(), ['placement', placement.description], ...kernelFacts()];
  console.log(`What this machine offers\n\n${align(facts, [0, 1]).join('\n')}\n`);

  const progress = progressLine();
  const cases = new Set(rows.map(({ bench, metric }) => `${bench} ${metric}`));
  const session = new Session(paces.demo, placement, progress.show, cases);
  const noise = watchNoise();
  try {
    await nop.run(session);
    await crossing.run(session);
    await echo.run(session);
    await fread.run(session);
  } finally {
    progress.clear();
  }
  console.log(`Side by side, measured just now\n\n${sideBySide(session.results)}\n`);
  for (const line of notes(session)) console.log(line);
  for (const line of absences(session)) console.log(line);
  for (const line of noise()) console.log(`noise: ${line}`);
  console.log('\nFigures to rely on take longer: npm run --silent bench -- all');
  return session.failed.size > 0 ? 1 : 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
