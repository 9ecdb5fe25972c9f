/** `npm run bench -- NAME [--json] [--quick]`: runs benchmarks by name, prints what they found. */

import { choosePlacement } from './_lib/cpus.js';
import { hostFacts, watchNoise } from './_lib/host.js';
import { endChildrenWithUs } from './_lib/process.js';
import { absences, align, jsonLine, progressLine, table } from './_lib/report.js';
import { type Bench, paces, Session } from './_lib/session.js';
import { affinity } from './affinity.bench.js';
import { alloc } from './alloc.bench.js';
import { crossing } from './crossing.bench.js';
import { echo } from './echo.bench.js';
import { faults } from './faults.bench.js';
import { fread } from './fread.bench.js';
import { nop } from './nop.bench.js';
import { readiness } from './readiness.bench.js';
import { tlb } from './tlb.bench.js';

const benches: Bench[] = [nop, crossing, echo, fread, readiness, tlb, alloc, faults, affinity];

const usage = `usage: npm run --silent bench -- NAME... [--json] [--quick]
       npm run --silent bench -- --list

  all      every benchmark
  --json   one line of JSON per result; ratio = value / the reference's value, same rounds
  --quick  shows that it works in seconds; its figures are not to be relied on`;

function list(): string {
  return align(
    benches.map(({ name, title }) => [name, title]),
    [0, 1],
  ).join('\n');
}

function chosen(names: readonly string[]): Bench[] {
  if (names.includes('all')) return benches;
  return names.map((name) => {
    const bench = benches.find((candidate) => candidate.name === name);
    if (!bench) throw new RangeError(`no benchmark is called ${name}; there are:\n${list()}`);
    return bench;
  });
}

async function main(words: readonly string[]): Promise<number> {
  const flags = words.filter((word) => word.startsWith('-'));
  const unknown = flags.find((flag) => !['--json', '--quick', '--list', '--help'].includes(flag));
  if (flags.includes('--list')) {
    console.log(list());
    return 0;
  }
  const names = words.filter((word) => !word.startsWith('-'));
  if (unknown !== undefined || names.length === 0 || flags.includes('--help')) {
    const text = `${usage}\n\n${list()}`;
    if (flags.includes('--help')) console.log(text);
    else console.error(unknown === undefined ? text : `unknown option ${unknown}\n${text}`);
    return flags.includes('--help') ? 0 : 2;
  }
  return measure(chosen(names), flags.includes('--json'), flags.includes('--quick'));
}

async function measure(selected: readonly Bench[], json: boolean, quick: boolean): Promise<number> {
  endChildrenWithUs();
  const progress = progressLine();
  const placement = choosePlacement();
  const session = new Session(quick ? paces.quick : paces.full, placement, progress.show);
  const facts = [...hostFacts(), ['placement', placement.description] as const];
  if (!json) console.log(`${align(facts, [0, 1]).join('\n')}\n`);
  const noise = watchNoise();
  try {
    for (const bench of selected) await bench.run(session);
  } finally {
    progress.clear();
  }
  if (json) for (const result of session.results) console.log(jsonLine(result));
  else {
    console.log(table(session.results));
    for (const { name, chart } of selected) {
      const own = session.results.filter(({ bench }) => bench === name);
      if (chart !== undefined && own.length > 0) console.log(`\n${chart(own)}`);
    }
  }
  for (const line of absences(session)) console.error(line);
  for (const line of noise()) console.error(`noise: ${line}`);
  if (quick) console.error('quick: these figures are not to be relied on');
  return session.failed.size > 0 ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error instanceof RangeError ? error.message : error);
    process.exitCode = error instanceof RangeError ? 2 : 1;
  },
);
