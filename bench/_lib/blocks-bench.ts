/** Benchmarks of random 4 KiB blocks of a file, at several depths, cached and past the cache. */
import { asking } from './asking.js';
import { type BlockFile, createBlockFile } from './blocks.js';
import { subjectFile } from './paths.js';
import { Child, stopAll } from './process.js';
import { reference } from './reference.js';
import type { Bench, Metric, Session } from './session.js';
import type { Work } from './work.js';

const C = 'C io_uring';
const RAW = 'nearmetal raw ring';
const modes = ['cached', 'direct'] as const;

/** Past the page cache Node gets a thread per block in flight: its default, 4, is too few there. */
function threads(mode: string, depth: number): Record<string, string> {
  return mode === 'direct' ? { UV_THREADPOOL_SIZE: String(Math.max(4, depth)) } : {};
}

export interface BlocksBench {
  readonly name: string;
  readonly title: string;
  readonly verb: 'read' | 'write';
  readonly depths: readonly number[];
}

export function blocksBench({ name: bench, title, verb, depths }: BlocksBench): Bench {
  const metrics: Metric[] = [{ key: 'rate', label: '', unit: `${verb}s/s`, better: 'higher' }];
  const ours = (): string[] => [process.execPath, subjectFile('blocks-nearmetal')];
  const programs: [subject: string, command: () => string[], door?: string][] = [
    [C, () => [reference('blocks')]],
    ['nearmetal registered', ours, 'handlers'],
    [RAW, ours, 'raw'],
    [`fs.promises.${verb}`, () => [process.execPath, subjectFile('blocks-node')]],
  ];

  async function measureCase(
    session: Session,
    file: BlockFile,
    mode: string,
    depth: number,
  ): Promise<void> {
    const { placement, pace } = session;
    const children: Child[] = [];
    const name = `${mode} depth ${depth}`;
    if (!session.wants(bench, name)) return;
    try {
      // A short run has not the time for all.
      const chosen = programs.filter(([subject]) => !session.short || subject !== RAW);
      const contestants = await session.admitAll(chosen, async ([subject, command, door]) => {
        session.progress(`${bench} ${name}: warming up ${subject}`);
        const options = { cpu: placement.server, env: threads(mode, depth) };
        const words = [...command(), file.path, String(depth), mode, verb, ...(door ? [door] : [])];
        const child = new Child(subject, words, options);
        children.push(child);
        await child.ask<Work>(String(pace.warmUp));
        return asking(subject, child, String(pace.longTurn));
      });
      await session.measure(bench, name, { contestants, references: [C], metrics });
    } finally {
      await stopAll(children);
    }
  }

  async function run(session: Session): Promise<void> {
    session.progress(`${bench}: writing ${session.pace.fileBytes / 2 ** 20} MiB`);
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

  return { name: bench, title, cases: modes.length * depths.length, run };
}
