/** Durable appends of 256 B records, by 1, 16 and 256 writers that each wait for theirs. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import { scratch } from './_lib/scratch.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const GROUP = 'C group commit';
const writers = [1, 16, 256];

const metric: Metric = { key: 'rate', label: '', unit: 'records/s', better: 'higher' };

/** `last` words go behind the folder and the number of writers. */
const programs: [subject: string, command: () => string[], ...last: string[]][] = [
  ['C sync each', () => [reference('log')], 'each'],
  [GROUP, () => [reference('log')], 'group'],
  ['nearmetal AppendLog', () => [process.execPath, subjectFile('log-nearmetal')]],
  ['fs.promises appendFile', () => [process.execPath, subjectFile('log-node')]],
];

async function measureCase(session: Session, folder: string, count: number): Promise<void> {
  const { placement, pace } = session;
  const children: Child[] = [];
  const name = `${count} writer${count === 1 ? '' : 's'}`;
  if (!session.wants('log', name)) return;
  try {
    const contestants = await session.admitAll(programs, async ([subject, command, ...last]) => {
      session.progress(`log ${name}: warming up ${subject}`);
      const words = [...command(), folder, String(count), ...last];
      const child = new Child(subject, words, { cpu: placement.server });
      children.push(child);
      await child.ask<Work>(String(pace.warmUp));
      return asking(subject, child, String(pace.longTurn));
    });
    await session.measure('log', name, { contestants, references: [GROUP], metrics: [metric] });
  } finally {
    await stopAll(children);
  }
}

async function run(session: Session): Promise<void> {
  for (const count of writers) {
    const folder = mkdtempSync(join(scratch(), 'log-'));
    try {
      await measureCase(session, folder, count);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

export const log: Bench = {
  name: 'log',
  title: 'durable appends of 256 B by 1, 16 and 256 writers',
  cases: writers.length,
  slow: true,
  run,
};
