/**
 * What goes through a queue from one thread to another, each on a CPU of its own: records of 8
 * bytes, messages of 1 KiB, and how long it takes there and back.
 *
 * C runs over the same layout, twice: without the fence that a sleeping consumer needs, which is
 * the fastest that there is; and with it, as everybody publishes where a consumer may sleep.
 */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { type Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import { startThreads } from './_lib/threads.js';

const C = 'C';
const WAKING = 'C that wakes';
const NEARMETAL = 'nearmetal';
const PORT = 'MessagePort';

const rate: Metric = { key: 'rate', label: '', unit: 'ops/s', better: 'higher' };
const time: Metric = { key: 'ns', label: '', unit: 'ns/op', better: 'lower' };

interface Case {
  readonly title: string;
  /** What each subject is asked for; a port has no batches, and does not spin. */
  readonly name: string;
  readonly port: string;
  readonly metric: Metric;
}

const cases: readonly Case[] = [
  { title: 'records, one by one', name: 'one', port: 'one', metric: rate },
  { title: 'records, published by 32', name: 'batch', port: 'one', metric: rate },
  { title: 'messages of 1 KiB', name: 'kilobyte', port: 'kilobyte', metric: rate },
  { title: 'there and back, spinning', name: 'spin', port: 'pingpong', metric: time },
  { title: 'there and back, asleep', name: 'futex', port: 'pingpong', metric: time },
];

const programs: [subject: string, command: () => string[]][] = [
  [C, () => [reference('spsc')]],
  [WAKING, () => [reference('spsc')]],
  [NEARMETAL, () => [process.execPath, subjectFile('spsc-nearmetal')]],
  [PORT, () => [process.execPath, subjectFile('spsc-port')]],
];

async function run(session: Session): Promise<void> {
  const start = async ([subject, command]: (typeof programs)[number]): Promise<Child> => {
    const names = cases.map(({ name, port }) => (subject === PORT ? port : name));
    const more = subject === WAKING ? ['waking'] : [];
    return startThreads(session, 'spsc', subject, command(), names, more);
  };
  const children = await session.admitAll(programs, start, true);
  try {
    for (const { title, name, port, metric } of cases) {
      if (!session.wants('spsc', title)) continue;
      const contestants = children.map((child) => {
        const request = `${child.name === PORT ? port : name} ${session.pace.turn}`;
        return asking(child.name, child, request);
      });
      await session.measure('spsc', title, {
        contestants,
        references: [C, PORT],
        metrics: [metric],
      });
    }
  } finally {
    await stopAll(children);
  }
}

export const spsc: Bench = {
  name: 'spsc',
  title: 'records and messages from one thread to another, and there and back',
  cases: cases.length,
  run,
};
