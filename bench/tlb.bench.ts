/** What large pages save: a chase through memory with a load from every ordinary page in turn. */
import { withHugepages } from './_lib/hugepages.js';
import type { Sample } from './_lib/interleave.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const C = 'C';
const OURS = 'nearmetal';
const ORDINARY = '4KiB';
const kinds = [ORDINARY, 'transparent', '2MiB', '1GiB'] as const;
const MiB = 2 ** 20;

const programs: [subject: string, command: () => string[]][] = [
  [C, () => [reference('tlb')]],
  [OURS, () => [process.execPath, subjectFile('tlb-nearmetal')]],
];

/** One process for each sort of pages, all over memory of the same layout. */
async function start(
  session: Session,
  subject: string,
  command: readonly string[],
  chosen: readonly string[],
  children: Child[],
): Promise<() => Promise<Sample>> {
  const own: [kind: string, child: Child][] = [];
  for (const kind of chosen) {
    session.progress(`tlb: filling ${kind} pages of ${subject}`);
    const words = [...command, kind, String(session.pace.memoryBytes)];
    const child = new Child(`${subject}, ${kind} pages`, words, { cpu: session.placement.server });
    children.push(child);
    await child.ask<Work>(String(Math.min(0.1, session.pace.turn)));
    own.push([kind, child]);
  }
  return async () => {
    const figures: Record<string, number> = {};
    for (const [kind, child] of own) {
      const work = await child.ask<Work>(String(session.pace.turn));
      // CPU time: a chase never waits, and what others take from the CPU is not its cost.
      figures[kind] = work.cpu_ns / work.operations;
    }
    // Of the same turn, so that what drifts on the machine falls on both.
    for (const [kind] of own) figures[`x${kind}`] = (figures[ORDINARY] ?? 0) / (figures[kind] ?? 0);
    return { figures };
  };
}

function metricsOf(chosen: readonly string[]): Metric[] {
  const loads = chosen.map(
    (kind): Metric => ({ key: kind, label: `${kind} pages`, unit: 'ns/load', better: 'lower' }),
  );
  const gains = chosen
    .filter((kind) => kind !== ORDINARY)
    .map(
      (kind): Metric => ({
        key: `x${kind}`,
        label: `${kind} pages, times as fast as ${ORDINARY}`,
        unit: 'x',
        better: 'higher',
      }),
    );
  return [...loads, ...gains];
}

async function run(session: Session): Promise<void> {
  const bytes = session.pace.memoryBytes;
  const subjects = programs.length;
  const wanted = [
    { size: '2MiB', count: (subjects * bytes) / (2 * MiB) },
    { size: '1GiB', count: subjects * Math.ceil(bytes / (1024 * MiB)) },
  ] as const;
  await withHugepages(session, 'tlb', wanted, async (had) => {
    const chosen = kinds.filter(
      (kind) => !kind.includes('iB') || kind === ORDINARY || had.has(kind),
    );
    const children: Child[] = [];
    try {
      const contestants = await session.admitAll(programs, async ([subject, command]) => {
        const turn = await start(session, subject, command(), chosen, children);
        return { subject, turn };
      });
      await session.measure('tlb', `${bytes / MiB} MiB`, {
        contestants,
        references: [C],
        metrics: metricsOf(chosen),
      });
    } finally {
      await stopAll(children);
    }
  });
}

export const tlb: Bench = {
  name: 'tlb',
  title: 'a pointer chase at 4 KiB, transparent, 2 MiB and 1 GiB pages, in TypeScript and in C',
  cases: 1,
  run,
};
