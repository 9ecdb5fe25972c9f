/** Facts about many files that the kernel has in memory: a batch, and Node's ways. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import { scratch } from './_lib/scratch.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const NODE = 'fs.promises.stat';
/** No disk is to be filled with them: where more facts are asked for, each is many times. */
const FILES_MOST = 10_000;

const subjects: [subject: string, command: (list: string) => string[]][] = [
  [NODE, (list) => [process.execPath, subjectFile('stat'), list, 'promises']],
  ['fs.statSync', (list) => [process.execPath, subjectFile('stat'), list, 'sync']],
  ['nearmetal statBatch', (list) => [process.execPath, subjectFile('stat'), list, 'batch']],
  ['C statx', (list) => [reference('stat'), list]],
];

const metrics: Metric[] = [{ key: 'rate', label: '', unit: 'stats/s', better: 'higher' }];

async function run(session: Session): Promise<void> {
  const count = session.pace.stats;
  const name = count.toLocaleString('en');
  if (!session.wants('stat', name)) return;
  const files = Math.min(count, FILES_MOST);
  const folder = join(scratch(), 'stat');
  const list = join(folder, 'list');
  session.progress(`stat: making ${files} files`);
  mkdirSync(folder, { recursive: true });
  const paths = Array.from({ length: files }, (_, index) => join(folder, `file-${index}`));
  const children: Child[] = [];
  try {
    for (const path of paths) writeFileSync(path, 'seven b');
    writeFileSync(list, paths.join('\n'));
    const contestants = await session.admitAll(subjects, async ([subject, command]) => {
      session.progress(`stat: warming up ${subject}`);
      const child = new Child(subject, command(list), { cpu: session.placement.server });
      children.push(child);
      await child.ask<Work>(String(files));
      return asking(subject, child, String(count));
    });
    await session.measure('stat', name, { contestants, references: [NODE], metrics });
  } finally {
    await stopAll(children);
    rmSync(folder, { recursive: true });
  }
}

export const stat: Bench = {
  name: 'stat',
  title: 'facts about many files in memory: a batch, fs.promises.stat, fs.statSync, C',
  cases: 1,
  run,
};
