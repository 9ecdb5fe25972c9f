/** What the user switched off: NEARMETAL_DISABLE=io_uring,op:SEND_ZC,setup:DEFER_TASKRUN,… */
import { nearest } from '../validate.js';
import { SYSTEM_CALLS } from './system-calls.js';
import { OPCODES, REGISTRATIONS, RING_FEATURES, SETUP_FLAGS } from './tables.js';

/** Every name that can be asked for and switched off. */
export const FEATURE_NAMES: readonly string[] = [
  'io_uring',
  ...OPCODES.map(([name]) => `op:${name}`),
  ...SETUP_FLAGS.map(([name]) => `setup:${name}`),
  ...REGISTRATIONS.map(({ name }) => `register:${name}`),
  ...RING_FEATURES.map(([name]) => `ring:${name}`),
  ...SYSTEM_CALLS.map(({ name }) => `syscall:${name}`),
];

let parsed: ReadonlySet<string> | undefined;

/** True when NEARMETAL_DISABLE names `feature`; the variable is read once per thread. */
export function isDisabled(feature: string): boolean {
  parsed ??= parseDisabled(process.env['NEARMETAL_DISABLE']);
  return parsed.size > 0 && parsed.has(feature);
}

/** The names in a list as the user wrote it; a name that means nothing gives a warning. */
export function parseDisabled(list: string | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  if (!list) return names;
  const known = new Map(FEATURE_NAMES.map((name) => [name.toLowerCase(), name]));
  for (const word of list.split(/[\s,]+/).filter(Boolean)) {
    const name = known.get(word.toLowerCase());
    if (name === undefined) warnOfUnknown(word);
    else names.add(name);
  }
  return names;
}

function warnOfUnknown(word: string): void {
  const near = nearest(word, FEATURE_NAMES);
  const guess = near === undefined ? '' : ` Did you mean "${near}"?`;
  process.emitWarning(
    `NEARMETAL_DISABLE names "${word}", which is no feature of nearmetal.${guess}`,
    {
      type: 'NearmetalWarning',
      code: 'NEARMETAL_DISABLE',
      detail:
        'Accepted: io_uring, op:NAME, setup:NAME, register:NAME, ring:NAME, syscall:NAME; ' +
        '`nearmetal doctor` lists them',
    },
  );
}
