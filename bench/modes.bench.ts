/** What the modes of a ring are worth: NOPs by 32, and messages through 16 pipes. */
import { type AskedCase, askedBench } from './_lib/asked.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';
import type { Metric } from './_lib/session.js';

const C = 'C io_uring';
const OURS = 'nearmetal raw ring';
const NODE = 'node:net on pipes';

const metrics: Metric[] = [{ key: 'ns', label: '', unit: 'ns/op', better: 'lower' }];
const modes = [
  ['default', 'no flags'],
  ['coop', 'COOP_TASKRUN'],
  ['defer', 'DEFER_TASKRUN'],
  ['sqpoll', 'SQPOLL'],
] as const;

const cases = modes.flatMap(([mode, flags]): AskedCase[] => [
  {
    title: `NOP, ${flags}`,
    metrics,
    asks: [
      [C, `${mode} nop`],
      [OURS, `${mode} nop`],
    ],
  },
  {
    title: `message, ${flags}`,
    metrics,
    asks: [
      [C, `${mode} pipe`],
      [OURS, `${mode} pipe`],
      [NODE, `${mode} pipe`],
    ],
  },
]);

export const modesOfRings = askedBench({
  name: 'modes',
  title: 'NOPs and messages through pipes, by rings of each mode; SQPOLL uses a second CPU',
  programs: [
    // SQPOLL's thread gets the CPU that the clients of servers have elsewhere.
    [C, ({ client }) => [reference('modes'), ...(client === undefined ? [] : [`${client}`])]],
    [
      OURS,
      ({ client }) => [
        process.execPath,
        subjectFile('modes-nearmetal'),
        ...(client === undefined ? [] : [`${client}`]),
      ],
    ],
    [NODE, () => [process.execPath, subjectFile('modes-node')]],
  ],
  cases,
  references: [C],
});
