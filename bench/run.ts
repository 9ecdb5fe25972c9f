/** `npm run bench -- NAME` and `npx nearmetal bench NAME`: measures, and shows what came out. */
import { writeFileSync } from 'node:fs';
import { comparison } from './_lib/compare.js';
import { Counting } from './_lib/counting.js';
import { choosePlacement } from './_lib/cpus.js';
import { hostFacts, watchNoise } from './_lib/host.js';
import { type Options, parse, usage } from './_lib/options.js';
import { endChildrenWithUs } from './_lib/process.js';
import { absences, align, jsonLine, progressLine, table } from './_lib/report.js';
import { FORMAT, load, type Run, save } from './_lib/saved.js';
import { type Bench, paces, Session } from './_lib/session.js';
import { benches } from './benches.js';

function list(): string {
  return align(
    benches.map(({ name, title }) => [name, title]),
    [0, 1],
  ).join('\n');
}

function chosen(names: readonly string[]): readonly Bench[] {
  if (names.length === 0 || names.includes('all')) return benches;
  return names.map((name) => {
    const bench = benches.find((candidate) => candidate.name === name);
    if (!bench) throw new RangeError(`no benchmark is called ${name}; there are:\n${list()}`);
    return bench;
  });
}

/** Loaded only when asked for: it brings what draws charts. */
async function html(run: Run, path: string): Promise<void> {
  const { page } = await import('./_lib/html.js');
  writeFileSync(path, page(run));
}

async function main(words: readonly string[]): Promise<number> {
  const options = parse(words);
  if (options.help) console.log(`${usage}\n\n${list()}`);
  else if (options.list) console.log(list());
  else if (options.compare) console.log(comparison(...both(options.compare)));
  else if (options.from !== undefined) await show(load(options.from), options);
  else return measure(chosen(options.names), options);
  return 0;
}

function both([before, after]: readonly [string, string]): [Run, Run] {
  return [load(before), load(after)];
}

async function show(run: Run, options: Options): Promise<void> {
  if (options.htmlFile !== undefined) await html(run, options.htmlFile);
  else console.log(`${align(run.machine, [0, 1]).join('\n')}\n\n${table(run.results)}`);
}

/** One after the other; where one fails, that is said, and the others go on. */
async function runAll(selected: readonly Bench[], session: Session): Promise<void> {
  const slow = (bench: Bench) => Number(session.short && bench.slow === true);
  for (const bench of [...selected].sort((left, right) => slow(left) - slow(right))) {
    if (session.late) {
      session.missing.set(bench.name, 'no time was left for it in a quick run of all');
      continue;
    }
    try {
      await bench.run(session);
    } catch (error) {
      session.failed.set(bench.name, `${bench.name}: ${(error as Error).message}`);
    }
  }
}

async function measure(selected: readonly Bench[], options: Options): Promise<number> {
  const { casesOfEach } = paces[options.pace];
  const several = selected.length > 1;
  const most = several ? casesOfEach : Infinity;
  const cases = selected.reduce((sum, bench) => sum + Math.min(most, bench.cases), 0);
  const progress = progressLine(() => session.done / cases);
  const placement = choosePlacement();
  const session = new Session(paces[options.pace], placement, progress.show);
  session.several = several;
  const say = options.json ? console.error : console.log;
  const print = () => {
    progress.clear();
    if (options.json) for (const result of session.results) console.log(jsonLine(result));
    else if (session.results.length > 0) console.log(`\n${table(session.results)}`);
  };
  endChildrenWithUs(() => {
    print();
    for (const line of absences(session)) console.error(line);
    console.error('interrupted: this is what was finished');
  });
  const counting = new Counting();
  session.counting = counting;
  const machine = () => [
    ...hostFacts(),
    ['placement', placement.description] as const,
    ...counting.facts,
  ];
  if (!options.json) console.log(align(machine(), [0, 1]).join('\n'));
  const noise = watchNoise();
  await runAll(selected, session);
  const run: Run = {
    format: FORMAT,
    date: new Date().toISOString().slice(0, 16),
    command: ['nearmetal bench', ...options.names, `--${options.pace}`].join(' '),
    pace: options.pace,
    // Only now it is known what could be counted.
    machine: machine(),
    noise: noise(),
    absent: absences(session),
    benches: selected.map(({ name, title, view }) => ({ name, title, view })),
    results: session.results,
  };
  print();
  if (!options.json) {
    for (const { name, chart } of selected) {
      const own = session.results.filter(({ bench }) => bench === name);
      if (chart !== undefined && own.length > 0) console.log(`\n${chart(own)}`);
    }
  }
  for (const line of run.absent) console.error(line);
  for (const line of run.noise) console.error(`noise: ${line}`);
  if (options.pace === 'quick') {
    const part = several ? 'the first case of each; ' : '';
    console.error(`quick: ${part}these figures are not to be relied on`);
  }
  if (options.jsonFile !== undefined) {
    save(options.jsonFile, run);
    say(`kept in ${options.jsonFile}`);
  }
  if (options.htmlFile !== undefined) {
    await html(run, options.htmlFile);
    say(`drawn in ${options.htmlFile}`);
  }
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
