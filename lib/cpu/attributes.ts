/** `struct sched_attr` as JavaScript reads and writes it. */
import * as abi from '../abi.js';

/** The size that knows utilisation clamps (5.3); without them the first size (3.14) is enough. */
export const ATTRIBUTES_BYTES = 56;
const FIRST_BYTES = 48;
const POLICY_AT = 4;
const FLAGS_AT = 8;
const NICE_AT = 16;
const PRIORITY_AT = 20;
const RUNTIME_AT = 24;
const DEADLINE_AT = 32;
const PERIOD_AT = 40;
const UTIL_MIN_AT = 48;
const UTIL_MAX_AT = 52;
const HIGH = 2 ** 32;

/** The names of the policies, each at its number. */
export const POLICIES = [
  'other',
  'fifo',
  'rr',
  'batch',
  undefined,
  'idle',
  'deadline',
  'ext',
] as const;
export type Policy = Exclude<(typeof POLICIES)[number], undefined>;

/** The fields of `struct sched_attr`, in plain numbers. */
export interface Attributes {
  policy: number;
  flags: number;
  nice: number;
  priority: number;
  runtime: number;
  deadline: number;
  period: number;
  utilMin: number;
  utilMax: number;
}

export const NO_ATTRIBUTES: Readonly<Attributes> = {
  policy: 0,
  flags: 0,
  nice: 0,
  priority: 0,
  runtime: 0,
  deadline: 0,
  period: 0,
  utilMin: 0,
  utilMax: 0,
};

export function encode(from: Attributes): DataView {
  const view = new DataView(new ArrayBuffer(ATTRIBUTES_BYTES));
  const wide = (at: number, value: number) => {
    view.setUint32(at, value % HIGH, true);
    view.setUint32(at + 4, Math.floor(value / HIGH), true);
  };
  const clamps = abi.SCHED_FLAG_UTIL_CLAMP_MIN | abi.SCHED_FLAG_UTIL_CLAMP_MAX;
  view.setUint32(0, from.flags & clamps ? ATTRIBUTES_BYTES : FIRST_BYTES, true);
  view.setUint32(POLICY_AT, from.policy, true);
  wide(FLAGS_AT, from.flags);
  view.setInt32(NICE_AT, from.nice, true);
  view.setUint32(PRIORITY_AT, from.priority, true);
  wide(RUNTIME_AT, from.runtime);
  wide(DEADLINE_AT, from.deadline);
  wide(PERIOD_AT, from.period);
  view.setUint32(UTIL_MIN_AT, from.utilMin >>> 0, true);
  view.setUint32(UTIL_MAX_AT, from.utilMax >>> 0, true);
  return view;
}

export function decode(view: DataView): Attributes {
  const wide = (at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * HIGH;
  return {
    policy: view.getUint32(POLICY_AT, true),
    flags: wide(FLAGS_AT),
    nice: view.getInt32(NICE_AT, true),
    priority: view.getUint32(PRIORITY_AT, true),
    runtime: wide(RUNTIME_AT),
    deadline: wide(DEADLINE_AT),
    period: wide(PERIOD_AT),
    utilMin: view.getUint32(UTIL_MIN_AT, true),
    utilMax: view.getUint32(UTIL_MAX_AT, true),
  };
}
