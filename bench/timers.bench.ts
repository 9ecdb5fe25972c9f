/** Timers: how late one of 1 ms is, what 256 at a time cost, and one that is set and cleared. */
import { type AskedCase, askedBench } from './_lib/asked.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';

const C = 'C io_uring';
const OURS = 'nearmetal ring';
const DESCRIPTOR = 'nearmetal TimerFd';
const NODE = 'setTimeout';

const all = (request: string, ...subjects: string[]): AskedCase['asks'] =>
  subjects.map((subject) => [subject, request]);

const cases: AskedCase[] = [
  {
    title: 'one of 1 ms',
    metrics: [
      { key: 'median', label: 'late by', unit: 'us', better: 'lower' },
      { key: 'far', label: 'late by, 1 in 100', unit: 'us', better: 'lower' },
    ],
    asks: all('late', C, OURS, DESCRIPTOR, NODE),
    long: true,
  },
  {
    title: '256 of 1 ms',
    metrics: [{ key: 'cpu', label: '', unit: 'us CPU/timer', better: 'lower' }],
    asks: all('many', C, OURS, NODE),
    long: true,
  },
  {
    title: 'set and cleared',
    metrics: [{ key: 'ns', label: '', unit: 'ns/op', better: 'lower' }],
    asks: all('cleared', C, OURS, DESCRIPTOR, NODE),
  },
];

export const timers = askedBench({
  name: 'timers',
  title: 'timers of 1 ms: how late, what they cost, and what setting and clearing one costs',
  programs: [
    [C, () => [reference('timers')]],
    [OURS, () => [process.execPath, subjectFile('timers-nearmetal')]],
    [DESCRIPTOR, () => [process.execPath, subjectFile('timers-nearmetal'), 'descriptor']],
    [NODE, () => [process.execPath, subjectFile('timers-node')]],
  ],
  cases,
  references: [C],
});
