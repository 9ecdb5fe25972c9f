/**
 * A word there and a word back between two threads that sleep in between: blocked in the kernel,
 * and with the loop free meanwhile. And what it costs to wake where nobody sleeps.
 */
import { features } from 'nearmetal/features';
import { type AskedCase, askedBench } from './_lib/asked.js';
import { type Placement, twoCpus } from './_lib/cpus.js';
import { MissingPeer } from './_lib/missing.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';
import type { Metric } from './_lib/session.js';

const C = 'C';
const C_RING = 'C io_uring';
const OURS = 'nearmetal';
const OURS_RING = 'nearmetal ring';
const ATOMICS = 'Atomics.wait';
const ASYNC = 'Atomics.waitAsync';
const PORT = 'MessagePort';

const metrics: Metric[] = [{ key: 'ns', label: '', unit: 'ns/op', better: 'lower' }];

const cases: AskedCase[] = [
  {
    title: 'there and back, blocked',
    metrics,
    asks: [
      [C, 'block'],
      [OURS, 'block'],
      [ATOMICS, 'block'],
    ],
  },
  {
    title: 'there and back, the loop free',
    metrics,
    asks: [
      [C_RING, 'ring'],
      [OURS_RING, 'ring'],
      [ASYNC, 'async'],
      [PORT, 'pingpong'],
    ],
  },
  {
    title: 'wake nobody',
    metrics,
    asks: [
      [C, 'wake'],
      [OURS, 'wake'],
      [ATOMICS, 'wake'],
    ],
  },
];

function needsRing(): void {
  if (features.get('op:FUTEX_WAIT')?.supported) return;
  throw new MissingPeer('waiting for words through a ring needs Linux 6.7');
}

const node =
  (file: string, ...words: string[]) =>
  (placement: Placement): string[] => [
    process.execPath,
    subjectFile(file),
    ...twoCpus(placement),
    ...words,
  ];

export const futex = askedBench({
  name: 'futex',
  title: 'waiting for a word and waking: futex(2), a ring, Atomics, MessagePort',
  threads: true,
  programs: [
    [C, (placement) => [reference('futex'), ...twoCpus(placement)]],
    [
      C_RING,
      (placement) => {
        needsRing();
        return [reference('futex'), ...twoCpus(placement)];
      },
    ],
    [OURS, node('futex-nearmetal')],
    [
      OURS_RING,
      (placement) => {
        needsRing();
        return node('futex-nearmetal', 'ring')(placement);
      },
    ],
    [ATOMICS, node('futex-node')],
    [ASYNC, node('futex-node', 'async')],
    [PORT, node('spsc-port')],
  ],
  cases,
  references: [C, C_RING, PORT],
});
