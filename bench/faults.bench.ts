/** The first touch of memory: page faults and time, with and without populating, and hugepages. */
import { withHugepages } from './_lib/hugepages.js';
import type { Contestant } from './_lib/interleave.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const C = 'C, 4KiB pages';
const MiB = 2 ** 20;
const ways = ['4KiB', '4KiB populated', 'transparent', '2MiB', '2MiB populated'];

const metrics: Metric[] = [
  { key: 'ms', label: '', unit: 'ms', better: 'lower' },
  { key: 'faults', label: 'page faults', unit: 'faults', better: 'lower' },
];

interface Touched {
  readonly ns: number;
  readonly cpu_ns: number;
  readonly faults: number;
}

async function run(session: Session): Promise<void> {
  const bytes = session.pace.memoryBytes;
  const wanted = [{ size: '2MiB', count: bytes / (2 * MiB) }] as const;
  await withHugepages(session, 'faults', wanted, async (had) => {
    const contestants: Contestant[] = [];
    const children: Child[] = [];
    const join = async (subject: string, command: () => string[]): Promise<void> => {
      session.progress(`faults: starting ${subject}`);
      const contestant = await session.admit(subject, async (): Promise<Contestant> => {
        const words = [...command(), String(bytes)];
        const child = new Child(subject, words, { cpu: session.placement.server });
        children.push(child);
        await child.ask<Touched>('go');
        const turn = async () => {
          const { ns, cpu_ns, faults } = await child.ask<Touched>('go');
          return { figures: { ms: ns / 1e6, faults }, cpuUsPerOp: cpu_ns / 1000, operations: 1 };
        };
        return { subject, pid: child.pid, turn };
      });
      if (contestant) contestants.push(contestant);
    };
    try {
      await join(C, () => [reference('faults'), '4KiB']);
      for (const way of ways.filter((each) => !each.startsWith('2MiB') || had.has('2MiB'))) {
        const words = [subjectFile('faults-nearmetal'), way];
        await join(`nearmetal, ${way} pages`, () => [process.execPath, ...words]);
      }
      const name = `first touch of ${bytes / MiB} MiB`;
      // The pool has pages for one of them at a time.
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
