/**
 * What goes through a channel from one thread to another, each on a CPU of its own and on its event
 * loop, beside Node's MessagePort: objects, bytes, and an object that is asked for and answered.
 */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { type Child, stopAll } from './_lib/process.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import { startThreads } from './_lib/threads.js';

const NEARMETAL = 'nearmetal';
const PORT = 'MessagePort';

const rate: Metric = { key: 'rate', label: '', unit: 'ops/s', better: 'higher' };
const time: Metric = { key: 'ns', label: '', unit: 'ns/op', better: 'lower' };

const cases: readonly { title: string; name: string; metric: Metric }[] = [
  { title: 'small objects', name: 'object', metric: rate },
  { title: 'bytes, 1 KiB', name: 'kilobyte', metric: rate },
  { title: 'an object there and back', name: 'request', metric: time },
];

const programs: readonly [subject: string, file: string][] = [
  [NEARMETAL, 'channel-nearmetal'],
  [PORT, 'spsc-port'],
];

async function run(session: Session): Promise<void> {
  const names = cases.map(({ name }) => name);
  const start = ([subject, file]: (typeof programs)[number]): Promise<Child> =>
    startThreads(session, 'channel', subject, [process.execPath, subjectFile(file)], names);
  const children = await session.admitAll(programs, start, true);
  try {
    for (const { title, name, metric } of cases) {
      if (!session.wants('channel', title)) continue;
      const contestants = children.map((child) =>
        asking(child.name, child, `${name} ${session.pace.turn}`),
      );
      await session.measure('channel', title, {
        contestants,
        references: [PORT],
        metrics: [metric],
      });
    }
  } finally {
    await stopAll(children);
  }
}

export const channel: Bench = {
  name: 'channel',
  title: 'messages and requests from one event loop to another',
  cases: cases.length,
  run,
};
