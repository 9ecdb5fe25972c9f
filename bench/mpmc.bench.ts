/**
 * Records of 8 bytes from producers to consumers, who share one queue: one of each, and two of each
 * on two CPUs. C has the queue that everybody writes, and the same layout as nearmetal's, which
 * outlives the death of who uses it, and wakes who sleeps.
 */
import { type AskedCase, askedBench } from './_lib/asked.js';
import { twoCpus } from './_lib/cpus.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';
import type { Metric } from './_lib/session.js';

const C = 'C';
const SHARED = 'C, same layout';
const OURS = 'nearmetal';
const PORT = 'MessagePort';

const metrics: Metric[] = [{ key: 'rate', label: '', unit: 'records/s', better: 'higher' }];

const cases: AskedCase[] = [
  {
    title: '1 to 1',
    metrics,
    asks: [
      [C, '1'],
      [SHARED, '1'],
      [OURS, '1'],
      [PORT, 'one'],
    ],
  },
  {
    title: '2 to 2',
    metrics,
    asks: [
      [C, '2'],
      [SHARED, '2'],
      [OURS, '2'],
    ],
  },
];

export const mpmc = askedBench({
  name: 'mpmc',
  title: 'records through a queue of several producers and consumers',
  threads: true,
  programs: [
    [C, (placement) => [reference('mpmc'), 'plain', ...twoCpus(placement)]],
    [SHARED, (placement) => [reference('mpmc'), 'shared', ...twoCpus(placement)]],
    [OURS, (placement) => [process.execPath, subjectFile('mpmc-nearmetal'), ...twoCpus(placement)]],
    [PORT, (placement) => [process.execPath, subjectFile('spsc-port'), ...twoCpus(placement)]],
  ],
  cases,
  references: [C, PORT],
});
