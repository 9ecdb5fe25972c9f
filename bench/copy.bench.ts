/** A file of 1 GiB in the page cache, copied to a new one beside it: `cp`, ours and Node's. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createBlockFile } from './_lib/blocks.js';
import { MissingPeer } from './_lib/missing.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const CP = 'cp';

const subjects: [subject: string, how: string][] = [
  [CP, 'cp'],
  ['nearmetal copyFile', 'nearmetal'],
  ['fs.promises.copyFile', 'node'],
];

const metrics: Metric[] = [{ key: 'rate', label: '', unit: 'GB/s', better: 'higher' }];

async function run(session: Session): Promise<void> {
  const { pace, placement } = session;
  const name = `${pace.memoryBytes / 2 ** 20} MiB`;
  if (!session.wants('copy', name)) return;
  session.progress(`copy: writing ${name}`);
  const file = createBlockFile(pace.memoryBytes);
  const target = `${file.path}-copy`;
  const children: Child[] = [];
  try {
    const contestants = await session.admitAll(subjects, async ([subject, how]) => {
      if (how === 'cp') requireCp();
      const command = [process.execPath, subjectFile('copy'), file.path, target, how];
      const child = new Child(subject, command, { cpu: placement.server });
      children.push(child);
      const turn = async () => {
        const { operations: bytes, ns } = await child.ask<Work>('');
        return { figures: { rate: bytes / ns }, operations: 1 };
      };
      return { subject, pid: child.pid, turn };
    });
    const how = { contestants, apart: true, references: [CP], metrics };
    await session.measure('copy', name, how);
  } finally {
    await stopAll(children);
    rmSync(target, { force: true });
    file.remove();
  }
}

function requireCp(): void {
  if (spawnSync('cp', ['--version'], { stdio: 'ignore' }).error === undefined) return;
  throw new MissingPeer('no cp in PATH');
}

export const copy: Bench = {
  name: 'copy',
  title: 'copying a file of 1 GiB: cp, ours and Node',
  cases: 1,
  run,
};
