/** A chase through memory of the node that the CPU is on, and through that of the farthest one. */

import { localTo, type NumaNode, nodes } from 'nearmetal/numa';
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const C = 'C';
/** Of what a chase through large memory takes: it has to be larger than the caches. */
const PART = 1 / 4;

const programs: [subject: string, command: () => string[]][] = [
  [C, () => [reference('numa')]],
  ['nearmetal', () => [process.execPath, subjectFile('numa-nearmetal')]],
  ['Uint32Array', () => [process.execPath, subjectFile('numa-node')]],
];

const metrics: Metric[] = [{ key: 'ns', label: '', unit: 'ns/load', better: 'lower' }];

/** The node with memory that is farthest from `local`; undefined where there is no other. */
function farthest(local: number): NumaNode | undefined {
  const others = nodes().filter(({ id, total }) => id !== local && total > 0);
  const away = ({ distances }: NumaNode) => distances.get(local) ?? 0;
  return others.sort((left, right) => away(right) - away(left))[0];
}

async function measureNode(session: Session, title: string, node: number): Promise<void> {
  const { placement, pace } = session;
  if (!session.wants('numa', title)) return;
  const children: Child[] = [];
  try {
    const contestants = await session.admitAll(programs, async ([subject, command]) => {
      session.progress(`numa ${title}: filling memory of ${subject}`);
      const words = [...command(), String(node), String(pace.memoryBytes * PART)];
      const child = new Child(subject, words, { cpu: placement.server });
      children.push(child);
      await child.ask<Work>(String(pace.turn));
      return asking(subject, child, String(pace.turn));
    });
    await session.measure('numa', title, { contestants, references: [C], metrics });
  } finally {
    await stopAll(children);
  }
}

async function run(session: Session): Promise<void> {
  const local = localTo(session.placement.server ?? 0);
  const remote = farthest(local);
  await measureNode(session, 'own node', local);
  if (remote !== undefined) await measureNode(session, 'farthest node', remote.id);
  else session.missing.set('numa farthest node', 'this machine has memory on one node only');
}

export const numa: Bench = {
  name: 'numa',
  title: 'a chase through memory of the own node and of the farthest one',
  cases: nodes().length > 1 ? 2 : 1,
  run,
};
