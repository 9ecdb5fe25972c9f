/** What it costs to learn which of many descriptors are ready, as their number grows. */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Result, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const counts = [10, 100, 1000, 10_000];
/** Descriptor numbers from here on do not fit a set of select. */
const SELECT_MOST = 1000;

const metric: Metric = { key: 'ns', label: '', unit: 'ns/event', better: 'lower' };

const kinds = ['select', 'poll', 'level', 'edge', 'ring'] as const;
type Kind = (typeof kinds)[number];

const names: Record<Kind, string> = {
  select: 'select',
  poll: 'poll',
  level: 'epoll level',
  edge: 'epoll edge',
  ring: 'io_uring multishot poll',
};

const programs = kinds.flatMap((kind): [name: string, command: () => string[]][] => [
  [`C ${names[kind]}`, () => [reference('readiness'), kind]],
  [`nearmetal ${names[kind]}`, () => [process.execPath, subjectFile('readiness-nearmetal'), kind]],
]);

async function start(session: Session, name: string, command: string[]): Promise<Child> {
  session.progress(`readiness: warming up ${name}`);
  const child = new Child(name, command, { cpu: session.placement.server });
  for (const count of counts.slice(0, 3)) {
    if (!session.wants('readiness', `${count}`)) continue;
    await child.ask<Work>(`${count} ${session.pace.warmUp}`);
  }
  return child;
}

async function run(session: Session): Promise<void> {
  const children = await session.admitAll(programs, async ([name, command]) =>
    start(session, name, command()),
  );
  try {
    for (const count of counts) {
      if (!session.wants('readiness', `${count}`)) continue;
      for (const kind of kinds) {
        if (kind === 'select' && count > SELECT_MOST) continue;
        await compare(session, children, kind, count);
      }
    }
  } finally {
    await stopAll(children);
  }
}

/** Each kind beside its own twin in C; across kinds the chart compares. */
async function compare(
  session: Session,
  children: readonly Child[],
  kind: Kind,
  count: number,
): Promise<void> {
  const contestants = children
    .filter(({ name }) => name.endsWith(` ${names[kind]}`))
    .map((child) => asking(child.name, child, `${count} ${session.pace.turn}`));
  const references = [`C ${names[kind]}`];
  await session.measure('readiness', `${count}`, { contestants, references, metrics: [metric] });
}

const WIDTH = 56;

/** A bar for each figure, as long as its logarithm: ten times as much is one step more. */
function chart(results: readonly Result[]): string {
  const lines = ['ns per event, 1% active; each step to the right is ten times as much'];
  const most = Math.log10(Math.max(10, ...results.map(({ value }) => value)));
  for (const [name] of programs) {
    const own = results.filter(({ subject }) => subject === name);
    if (own.length === 0) continue;
    lines.push('', name);
    for (const { metric: count, value } of own) {
      const length = Math.max(1, Math.round((WIDTH * Math.log10(Math.max(1, value))) / most));
      lines.push(`${count.padStart(8)}  ${'█'.repeat(length)} ${value.toFixed(0)}`);
    }
  }
  return lines.join('\n');
}

export const readiness: Bench = {
  name: 'readiness',
  title: 'which of 10 to 10,000 descriptors are ready: select, poll, epoll, io_uring',
  cases: counts.length * kinds.length - 1,
  view: { over: 'descriptors' },
  run,
  chart,
};
