/** UDP over loopback, sent and received by one thread: batches, and what the kernel cuts. */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const REFERENCE = 'C sendmmsg, recvmmsg';
const subject = (name: string, ...words: string[]): string[] => [
  process.execPath,
  subjectFile(name),
  ...words,
];

const subjects: [name: string, command: () => string[]][] = [
  [REFERENCE, () => [reference('udp')]],
  ['nearmetal io_uring', () => subject('udp-nearmetal', 'io_uring')],
  ['nearmetal epoll', () => subject('udp-nearmetal', 'epoll')],
  ['node:dgram', () => subject('udp-node')],
];

const cases = [
  { name: '64', request: '64 0' },
  { name: '1400', request: '1400 0' },
  { name: '1400 offload', request: '1400 1' },
];

const metrics: Metric[] = [{ key: 'rate', label: '', unit: 'datagrams/s', better: 'higher' }];

async function start(session: Session, name: string, command: string[]): Promise<Child> {
  session.progress(`udp: warming up ${name}`);
  const child = new Child(name, command, { cpu: session.placement.server });
  for (const { request } of cases) {
    await child.ask<Work>(`${request} ${session.pace.warmUp}`);
  }
  return child;
}

async function run(session: Session): Promise<void> {
  const children = await session.admitAll(subjects, async ([name, command]) =>
    start(session, name, command()),
  );
  try {
    for (const { name, request } of cases) {
      if (!session.wants('udp', name)) continue;
      const contestants = children.map((child) =>
        asking(child.name, child, `${request} ${session.pace.turn}`),
      );
      const references = [REFERENCE, 'node:dgram'];
      await session.measure('udp', name, { contestants, references, metrics });
    }
  } finally {
    await stopAll(children);
  }
}

export const udp: Bench = {
  name: 'udp',
  title: 'UDP over loopback: 64 B, 1400 B, 1400 B by GSO and GRO',
  cases: cases.length,
  run,
};
