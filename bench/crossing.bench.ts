/** The price of one call into the addon, by what is handed over: why batches cross. */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const EMPTY = 'empty';
/** What `crossing-nearmetal` knows: shapes of arguments, and one native call of Node's own. */
const shapes = [EMPTY, 'six integers', 'view', 'string', 'node: performance.now'];

const metric: Metric = { key: 'ns', label: '', unit: 'ns/call', better: 'lower' };

async function run(session: Session): Promise<void> {
  const command = [process.execPath, subjectFile('crossing-nearmetal')];
  const options = { cpu: session.placement.server };
  // A process per shape: what one teaches the compiler must not change another.
  const children: Child[] = [];
  try {
    const contestants = await session.admitAll(shapes, async (shape) => {
      session.progress(`crossing: warming up ${shape}`);
      const child = new Child(shape, [...command, shape], options);
      children.push(child);
      await child.ask<Work>('0.1');
      return asking(shape, child, String(session.pace.turn));
    });
    const references = [EMPTY];
    await session.measure('crossing', 'call', { contestants, references, metrics: [metric] });
  } finally {
    await stopAll(children);
  }
}

export const crossing: Bench = {
  name: 'crossing',
  title: 'one native call, by the shape of its arguments',
  cases: 1,
  run,
};
