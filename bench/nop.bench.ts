/**
 * The price of one operation that does nothing: what the way into the kernel and back costs.
 *
 * C and the raw ring fill each entry anew. The frozen operation is found in the entry from when
 * that was used last, and only gets its name there. All look at every completion.
 */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const C = 'C io_uring';
const RAW = 'nearmetal raw ring';
const FROZEN = 'nearmetal raw ring, frozen operation';
const HANDLERS = 'nearmetal handlers';
const PROMISES = 'nearmetal promises';
const PROMISES_IN_FLIGHT = 64;
const batches = [1, 8, 64, 256];

const metric: Metric = { key: 'ns', label: '', unit: 'ns/op', better: 'lower' };

const programs: [subject: string, command: () => string[]][] = [
  [C, () => [reference('nop')]],
  [RAW, () => [process.execPath, subjectFile('nop-nearmetal'), 'raw']],
  [FROZEN, () => [process.execPath, subjectFile('nop-nearmetal'), 'frozen']],
  [HANDLERS, () => [process.execPath, subjectFile('nop-nearmetal'), 'handlers']],
  [PROMISES, () => [process.execPath, subjectFile('nop-nearmetal'), 'promises']],
];

/** Starts it and lets it run once per batch, so that compilers are done before the first figure. */
async function start(session: Session, subject: string, command: string[]): Promise<Child> {
  session.progress(`nop: warming up ${subject}`);
  const child = new Child(subject, command, { cpu: session.placement.server });
  for (const batch of batchesOf(subject)) {
    if (!session.wants('nop', `batch ${batch}`)) continue;
    await child.ask<Work>(`${batch} ${session.pace.warmUp}`);
  }
  return child;
}

function batchesOf(subject: string): number[] {
  return subject === PROMISES ? [PROMISES_IN_FLIGHT] : batches;
}

async function run(session: Session): Promise<void> {
  const children = await session.admitAll(programs, async ([subject, command]) =>
    start(session, subject, command()),
  );
  try {
    for (const batch of batches) {
      const name = `batch ${batch}`;
      if (!session.wants('nop', name)) continue;
      const contestants = children
        .filter((child) => batchesOf(child.name).includes(batch))
        .map((child) => asking(child.name, child, `${batch} ${session.pace.turn}`));
      const references = [C];
      await session.measure('nop', name, { contestants, references, metrics: [metric] });
    }
  } finally {
    await stopAll(children);
  }
}

export const nop: Bench = {
  name: 'nop',
  title: 'one NOP through a ring, in batches of 1, 8, 64 and 256',
  cases: batches.length,
  run,
};
