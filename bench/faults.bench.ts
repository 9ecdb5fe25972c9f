/** The first touch of memory: page faults and time, with and without populating, and hugepages. */
import { withHugepages } from './_lib/hugepages.js';
import type { Contestant, Sample } from './_lib/interleave.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const C = 'C, 4KiB pages';
const MiB = 2 ** 20;

type Program = readonly [subject: string, command: () => string[]];

const nearmetal = (way: string): Program => [
  `nearmetal, ${way} pages`,
  () => [process.execPath, subjectFile('faults-nearmetal'), way],
];

const ORDINARY: readonly Program[] = [
  [C, () => [reference('faults'), '4KiB']],
  ...['4KiB', '4KiB populated', 'transparent'].map(nearmetal),
];
const HUGE = ['2MiB', '2MiB populated'].map(nearmetal);

const metrics: Metric[] = [
  { key: 'ms', label: '', unit: 'ms', better: 'lower' },
  { key: 'faults', label: 'page faults', unit: 'faults', better: 'lower' },
];

interface Touched {
  readonly ns: number;
  readonly cpu_ns: number;
  readonly faults: number;
}

async function touch(child: Child): Promise<Sample> {
  const { ns, cpu_ns, faults } = await child.ask<Touched>('go');
  return { figures: { ms: ns / 1e6, faults }, cpuUsPerOp: cpu_ns / 1000, operations: 1 };
}

async function run(session: Session): Promise<void> {
  const bytes = session.pace.memoryBytes;
  const wanted = [{ size: '2MiB', count: bytes / (2 * MiB) }] as const;
  await withHugepages(session, 'faults', wanted, async (had) => {
    const children: Child[] = [];
    const start = async ([subject, command]: Program): Promise<Contestant> => {
      session.progress(`faults: starting ${subject}`);
      const words = [...command(), String(bytes)];
      const child = new Child(subject, words, { cpu: session.placement.server });
      children.push(child);
      await touch(child);
      return { subject, pid: child.pid, turn: () => touch(child) };
    };
    try {
      const contestants = await session.admitAll(ORDINARY, start);
      // The pool has pages for one of them at a time.
      if (had.has('2MiB')) contestants.push(...(await session.admitAll(HUGE, start, true)));
      const name = `first touch of ${bytes / MiB} MiB`;
      const how = { contestants, references: [C], metrics, apart: true };
      await session.measure('faults', name, how);
    } finally {
      await stopAll(children);
    }
  });
}

export const faults: Bench = {
  name: 'faults',
  title: 'first touch of 1 GiB, with and without populating and with hugepages',
  cases: 1,
  run,
};
