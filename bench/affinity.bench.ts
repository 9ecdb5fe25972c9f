/** What it costs to ask and set where a thread runs, to read a clock, and to be moved. */
import { asking } from './_lib/asking.js';
import { subjectFile } from './_lib/paths.js';
import { Child, stopAll } from './_lib/process.js';
import { reference } from './_lib/reference.js';
import type { Bench, Metric, Session } from './_lib/session.js';
import type { Work } from './_lib/work.js';

const C = 'C';
/** A set of several CPUs can be given in part: what the call alone does not tell. */
const C_EXACT = 'C, exact';
const OURS = 'nearmetal';
const metric: Metric = { key: 'ns', label: '', unit: 'ns/call', better: 'lower' };

/** Each case, as each subject calls it; for some the process must not be held on one CPU. */
const cases: [title: string, moves: boolean, names: [subject: string, name: string][]][] = [
  ['getAffinity', false, both('getaffinity')],
  ['setAffinity, one CPU', false, both('setaffinity')],
  [
    'setAffinity, all CPUs',
    true,
    [
      [C_EXACT, 'exactly'],
      [C, 'setaffinity'],
      [OURS, 'setaffinity'],
    ],
  ],
  ['getcpu', false, both('getcpu')],
  [
    'clock',
    false,
    [
      [C, 'nanoseconds'],
      [OURS, 'nanoseconds'],
      ['node: hrtime.bigint', 'hrtime'],
      ['node: performance.now', 'performance'],
    ],
  ],
  ['ticks', false, both('ticks')],
  ['256 KiB walked, warm', true, both('warm')],
  ['256 KiB walked, moved before', true, both('moved')],
];

function both(name: string): [subject: string, name: string][] {
  return [
    [C, name],
    [OURS, name],
  ];
}

const commandOf = (subject: string): string[] =>
  subject.startsWith(C)
    ? [reference('affinity')]
    : [process.execPath, subjectFile('affinity-nearmetal')];

async function run(session: Session): Promise<void> {
  for (const [title, moves, subjects] of cases) {
    if (!session.wants('affinity', title)) continue;
    const options = moves ? {} : { cpu: session.placement.server };
    const children: Child[] = [];
    try {
      const contestants = await session.admitAll(subjects, async ([subject, name]) => {
        session.progress(`affinity: warming up ${subject}, ${name}`);
        const child = new Child(subject, commandOf(subject), options);
        children.push(child);
        await child.ask<Work>(`${name} 0.2`);
        return asking(subject, child, `${name} ${session.pace.turn}`);
      });
      const references = [C_EXACT, C];
      await session.measure('affinity', title, { contestants, references, metrics: [metric] });
    } finally {
      await stopAll(children);
    }
  }
}

export const affinity: Bench = {
  name: 'affinity',
  title: 'where a thread runs: asking, setting, being moved; and what a clock costs',
  cases: cases.length,
  run,
};
