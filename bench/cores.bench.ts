/**
 * TCP echo on one CPU and on all of them, by a group of workers and by threads in C: what a message
 * costs, and how little more it costs on all. On all, the client has no CPU of its own.
 */
import { availableParallelism } from 'node:os';
import type { Contestant, Sample } from './_lib/interleave.js';
import { findLoad } from './_lib/load.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';
import { C_URING, type Server, startServer, stopServers } from './_lib/servers.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const CPUS = availableParallelism();
const NAME = `1 to ${CPUS} CPUs`;
/** Enough for each CPU to have some, however the kernel spreads them. */
const SHAPE = { connections: 50 * CPUS, size: 64, depth: 1 };

const metrics: Metric[] = [
  { key: 'one', label: 'on 1', unit: 'us/message', better: 'lower' },
  { key: 'all', label: `on ${CPUS}`, unit: 'us/message', better: 'lower' },
  { key: 'scaling', label: 'scaling', unit: 'of 1 CPU', better: 'higher' },
];

const subjects: [subject: string, command: (workers: number) => string[]][] = [
  [C_URING, (workers) => [reference('echo-uring'), '256', '16384', `${workers}`]],
  [
    'nearmetal workers',
    (workers) => [process.execPath, subjectFile('cores-nearmetal'), `${workers}`],
  ],
];

/** One process with one worker and one with all, both warm. */
interface Pair {
  readonly one: Server;
  readonly all: Server;
}

async function run(session: Session): Promise<void> {
  const { placement, pace } = session;
  const apart = findLoad(placement.client);
  const among = findLoad(undefined);
  if (apart.note) session.missing.set('C load client', apart.note);
  const pairs = await session.admitAll(subjects, async ([subject, command]) => {
    session.progress(`cores: starting ${subject}`);
    return { subject, ...(await start(subject, command)) };
  });
  try {
    if (!session.wants('cores', NAME)) return;
    const contestants = pairs.map(
      (pair): Contestant => ({ subject: pair.subject, turn: () => turn(pair) }),
    );
    await session.measure('cores', NAME, { contestants, references: [C_URING], metrics });
  } finally {
    await stopServers(pairs.flatMap(({ one, all }) => [one, all]));
  }

  async function start(subject: string, command: (workers: number) => string[]): Promise<Pair> {
    const [one, all] = await Promise.all([
      startServer(subject, command(1), placement.server),
      startServer(subject, command(CPUS), undefined),
    ]);
    return { one, all };
  }

  async function turn({ one, all }: Pair): Promise<Sample> {
    const alone = await apart.run(one, SHAPE, pace.longTurn);
    const together = await among.run(all, SHAPE, pace.longTurn);
    const costs = { one: alone.cpuUsPerOp ?? 0, all: together.cpuUsPerOp ?? 0 };
    return {
      figures: { ...costs, scaling: costs.one / costs.all },
      cpuUsPerOp: costs.all,
    };
  }
}

export const cores: Bench = {
  name: 'cores',
  title: `TCP echo by workers on 1 and on ${CPUS} CPUs: CPU time for each message`,
  cases: 1,
  slow: true,
  run,
};
