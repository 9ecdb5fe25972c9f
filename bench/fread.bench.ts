/** Random reads of 4 KiB at several depths, from the page cache and past it. */
import { type BlockFile, createBlockFile } from './_lib/blocks.js';
import type { Contestant } from './_lib/interleave.js';
import { subjectFile } from './_lib/paths.js';
import { Child } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import { perSecond, type Work } from './_lib/work.js';

const C = 'C io_uring';
const modes = ['cached', 'direct'] as const;
const depths = [1, 32, 128];

const metric: Metric = { key: 'rate', label: '', unit: 'reads/s', better: 'higher' };

/** Past the page cache Node gets a thread per read in flight: its default, 4, is too few there. */
function threads(mode: string, depth: number): Record<string, string> {
  return mode === 'direct' ? { UV_THREADPOOL_SIZE: String(Math.max(4, depth)) } : {};
}

const programs: [subject: string, command: () => string[]][] = [
  [C, () => [reference('fread')]],
  ['nearmetal registered', () => [process.execPath, subjectFile('fread-nearmetal')]],
  ['fs.promises.read', () => [process.execPath, subjectFile('fread-node')]],
];

async function measureCase(
  session: Session,
  file: BlockFile,
  mode: string,
  depth: number,
): Promise<void> {
  const { placement, pace } = session;
  const children: Child[] = [];
  const contestants: Contestant[] = [];
  const name = `${mode} depth ${depth}`;
  if (!session.wants('fread', name)) return;
  try {
    for (const [subject, command] of programs) {
      session.progress(`fread ${name}: warming up ${subject}`);
      const turn = await session.admit(subject, async () => {
        const options = { cpu: placement.server, env: threads(mode, depth) };
        const words = [...command(), file.path, String(depth), mode];
        const child = new Child(subject, words, options);
        children.push(child);
        await child.ask<Work>(String(Math.max(0.2, pace.turn)));
        return async () => perSecond(await child.ask<Work>(String(pace.longTurn)));
      });
      if (turn) contestants.push({ subject, turn });
    }
    await session.measure('fread', name, { contestants, references: [C], metrics: [metric] });
  } finally {
    for (const child of children) await child.stop();
  }
}

async function run(session: Session): Promise<void> {
  session.progress(`fread: writing ${session.pace.fileBytes / 2 ** 20} MiB`);
  const file = createBlockFile(session.pace.fileBytes);
  try {
    for (const mode of modes) {
      if (mode === 'direct' && file.directRefused !== undefined) {
        session.missing.set('O_DIRECT', file.directRefused);
        continue;
      }
      for (const depth of depths) await measureCase(session, file, mode, depth);
    }
  } finally {
    file.remove();
  }
}

export const fread: Bench = {
  name: 'fread',
  title: 'random 4 KiB reads at depth 1, 32 and 128, cached and O_DIRECT',
  cases: modes.length * depths.length,
  run,
};
