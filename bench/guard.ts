/**
 * `npm run bench:guard [-- --update]`: fails when a ratio that matters has fallen by more than a
 * tenth. Ratios to C of the same rounds and no times, so that it holds on another machine.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { intervalText, rowName, timesAsGood, timesInterval } from './_lib/comparable.js';
import { choosePlacement } from './_lib/cpus.js';
import { watchNoise } from './_lib/host.js';
import { root } from './_lib/paths.js';
import { endChildrenWithUs } from './_lib/process.js';
import { absences, align, progressLine } from './_lib/report.js';
import { paces, Session } from './_lib/session.js';
import { benches } from './benches.js';

const FILE = join(root, 'bench/guard.json');
const ALLOWED_LOSS = 0.1;

/** Benchmark, case and subject. */
const guarded: [bench: string, name: string, subject: string][] = [
  ['nop', 'batch 1', 'nearmetal raw ring'],
  ['nop', 'batch 64', 'nearmetal raw ring'],
  ['nop', 'batch 64', 'nearmetal promises'],
  ['crossing', 'call', 'six integers'],
  ['echo', '50x64', 'nearmetal handlers'],
  ['fread', 'cached depth 32', 'nearmetal registered'],
  ['spsc', 'records, published by 32', 'nearmetal'],
  ['spsc', 'there and back, spinning', 'nearmetal'],
];

type Ratios = Record<string, number>;

async function measure(): Promise<Session> {
  const only = new Set(guarded.map(([bench, name]) => `${bench} ${name}`));
  const progress = progressLine(() => session.done / only.size);
  const session = new Session(paces.full, choosePlacement(), progress.show, only);
  for (const bench of benches) {
    if (guarded.some(([name]) => name === bench.name)) await bench.run(session);
  }
  progress.clear();
  return session;
}

async function main(words: readonly string[]): Promise<number> {
  const update = words.includes('--update');
  if (words.length > Number(update)) throw new RangeError('the only option is --update');
  endChildrenWithUs();
  const noise = watchNoise();
  const session = await measure();
  const kept: Ratios = update ? {} : JSON.parse(readFileSync(FILE, 'utf8'));
  const rows = [['', 'kept', 'now', '95 % interval', '']];
  let fallen = 0;
  for (const [bench, name, subject] of guarded) {
    const result = session.results.find(
      (each) => each.bench === bench && each.metric === name && each.subject === subject,
    );
    if (result === undefined) {
      rows.push([`${bench} ${name}, ${subject}`, '', '', '', 'did not run']);
      fallen++;
      continue;
    }
    const now = timesAsGood(result);
    const before = update ? now : (kept[rowName(result)] ?? now);
    kept[rowName(result)] = Number(before.toFixed(3));
    // Only what even the interval's better end does not explain has fallen.
    const lost = timesInterval(result)[1] < before * (1 - ALLOWED_LOSS);
    if (lost) fallen++;
    const cells = [rowName(result), before.toFixed(2), now.toFixed(2), intervalText(result)];
    rows.push([...cells, lost ? 'FELL' : 'ok']);
  }
  console.log(align(rows, [0, 4]).join('\n'));
  for (const line of [...absences(session), ...noise().map((each) => `noise: ${each}`)]) {
    console.error(line);
  }
  if (update) writeFileSync(FILE, `${JSON.stringify(kept, null, 2)}\n`);
  return fallen > 0 ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error instanceof RangeError ? error.message : error);
    process.exitCode = 2;
  },
);
