/** What memory for one buffer costs: blocks of a mapping against Buffers that are collected. */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const SLOW = 'Buffer.allocUnsafeSlow';
const sizes = [4096, 65_536];
/** What `alloc-nearmetal` knows. */
const subjects = [
  'nearmetal Slab',
  'nearmetal BufferPool',
  'nearmetal Arena',
  'Buffer.allocUnsafe',
  SLOW,
];

const metric: Metric = { key: 'ns', label: '', unit: 'ns/buffer', better: 'lower' };

async function run(session: Session): Promise<void> {
  for (const size of sizes) {
    const name = `${size / 1024} KiB`;
    if (!session.wants('alloc', name)) continue;
    const children: Child[] = [];
    try {
      const contestants = await session.admitAll(subjects, async (subject) => {
        session.progress(`alloc ${name}: warming up ${subject}`);
        const command = [process.execPath, subjectFile('alloc-nearmetal'), subject, String(size)];
        const child = new Child(subject, command, { cpu: session.placement.server });
        children.push(child);
        await child.ask<Work>('0.1');
        return asking(subject, child, String(session.pace.turn));
      });
      const references = [SLOW];
      await session.measure('alloc', name, { contestants, references, metrics: [metric] });
    } finally {
      await stopAll(children);
    }
  }
}

export const alloc: Bench = {
  name: 'alloc',
  title: 'one buffer of 4 or 64 KiB: slab, pool and arena against Buffer.allocUnsafe and -Slow',
  cases: sizes.length,
  run,
};
