/** How the kernel shares time out to a thread: its policy, and what the policy is told. */
import * as abi from '../abi.js';
import { systemError } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, invalidValue, oneOf, onlyKeys } from '../validate.js';
import {
  ATTRIBUTES_BYTES,
  type Attributes,
  decode,
  encode,
  NO_ATTRIBUTES,
  POLICIES,
  type Policy,
} from './attributes.js';
import { factsOf, type ThreadOptions, threadOf } from './thread-option.js';

export type { Policy } from './attributes.js';

const NICE_MIN = -20;
const NICE_MAX = 19;
const PRIORITY_MAX = 99;
/** The kernel refuses shorter shares than 2^10 ns. */
const SHARE_NS_MIN = 1024;
const SHARE_NS_MAX = 2 ** 52;
/** Utilisation is counted in 1024ths of the largest CPU. */
const UTIL_MAX = 1024;
const UTIL_DEFAULT = -1;

export interface SchedulerOptions {
  /** Without one the thread keeps its policy, and only utilisation clamps can be set. */
  policy?: Policy;
  /** -20 (most) to 19 (least). For 'other', 'batch' and 'ext'; default 0. */
  nice?: number;
  /** 1 to 99, the highest first. Wanted by 'fifo' and 'rr'. */
  priority?: number;
  /** Time promised in each period. Wanted by 'deadline'; with 'other' the length of a slice. */
  runtimeNs?: number;
  /** From the start of a period until its runtime must have been given. Wanted by 'deadline'. */
  deadlineNs?: number;
  /** Default `deadlineNs`. For 'deadline'. */
  periodNs?: number;
  /** Let a deadline thread use what others leave of their share. */
  reclaim?: boolean;
  /** Threads that it starts begin with 'other'. Default false. */
  resetOnFork?: boolean;
  /** The least and most load to assume when a frequency is chosen, 0 to 1024; null: the default. */
  utilMin?: number | null;
  utilMax?: number | null;
}

/** What the kernel says of a thread. */
export interface SchedulerState {
  readonly policy: Policy;
  readonly nice: number;
  /** 0 unless the policy is 'fifo' or 'rr'. */
  readonly priority: number;
  readonly runtimeNs: number;
  readonly deadlineNs: number;
  readonly periodNs: number;
  readonly reclaim: boolean;
  readonly resetOnFork: boolean;
  readonly utilMin: number;
  readonly utilMax: number;
}

/**
 * The policy of the thread and what it is told.
 *
 * @errno ESRCH no thread has that id
 * @kernel 3.14
 * @man sched_getattr(2)
 */
export function getScheduler(options: ThreadOptions = {}): SchedulerState {
  const tid = threadOf(options);
  const view = new DataView(new ArrayBuffer(ATTRIBUTES_BYTES));
  const result = native.schedGetattr(tid, view, 0);
  if (result < 0) throw systemError(result, 'sched_getattr', factsOf(tid));
  const found = decode(view);
  return {
    policy: POLICIES[found.policy] ?? 'other',
    nice: found.nice,
    priority: found.priority,
    runtimeNs: found.runtime,
    deadlineNs: found.deadline,
    periodNs: found.period,
    reclaim: (found.flags & abi.SCHED_FLAG_RECLAIM) !== 0,
    resetOnFork: (found.flags & abi.SCHED_FLAG_RESET_ON_FORK) !== 0,
    utilMin: found.utilMin,
    utilMax: found.utilMax,
  };
}

/**
 * Sets the policy of the thread, or its utilisation clamps, or both.
 *
 * A real-time thread ('fifo', 'rr') runs before every other for as long as it likes; keep a CPU
 * for the rest of the machine. A deadline thread must be free to run on every CPU.
 *
 * @errno EPERM real time without CAP_SYS_NICE or RLIMIT_RTPRIO; a deadline thread that is pinned
 * @errno EBUSY the shares of all deadline threads would be more than the CPUs have
 * @errno EOPNOTSUPP clamps, on a kernel without CONFIG_UCLAMP_TASK
 * @errno ESRCH no thread has that id
 * @kernel 3.14; clamps 5.3
 * @man sched_setattr(2)
 */
export function setScheduler(scheduler: SchedulerOptions, options: ThreadOptions = {}): void {
  const attributes = attributesOf(scheduler);
  const tid = threadOf(options);
  const result = native.schedSetattr(tid, encode(attributes), 0);
  if (result >= 0) return;
  const { policy, priority, nice } = attributes;
  const facts = { policy: POLICIES[policy] ?? 'other', priority, nice };
  throw systemError(result, 'sched_setattr', factsOf(tid, facts));
}

const CLAMPS = ['utilMin', 'utilMax'];
const COMMON = ['policy', 'resetOnFork', ...CLAMPS];
const DEADLINE = ['runtimeNs', 'deadlineNs', 'periodNs', 'reclaim'];
const KEYS: Readonly<Record<Policy, readonly string[]>> = {
  other: [...COMMON, 'nice', 'runtimeNs'],
  batch: [...COMMON, 'nice', 'runtimeNs'],
  ext: [...COMMON, 'nice'],
  idle: COMMON,
  fifo: [...COMMON, 'priority'],
  rr: [...COMMON, 'priority'],
  deadline: [...COMMON, ...DEADLINE],
};

/** @internal Checks `scheduler` and answers what the kernel is told. */
export function attributesOf(scheduler: SchedulerOptions): Attributes {
  onlyKeys('scheduler', scheduler, [...new Set(Object.values(KEYS).flat())]);
  const { policy } = scheduler;
  const attributes = { ...NO_ATTRIBUTES };
  if (policy === undefined) {
    onlyKeys('scheduler', scheduler, CLAMPS);
    attributes.flags = abi.SCHED_FLAG_KEEP_POLICY | abi.SCHED_FLAG_KEEP_PARAMS;
  } else {
    const names = POLICIES.filter((name) => name !== undefined);
    attributes.policy = POLICIES.indexOf(oneOf('scheduler.policy', policy, names));
    onlyKeys(`scheduler of policy '${policy}'`, scheduler, KEYS[policy]);
    addPolicy(attributes, policy, scheduler);
  }
  addClamps(attributes, scheduler);
  if (attributes.flags === (abi.SCHED_FLAG_KEEP_POLICY | abi.SCHED_FLAG_KEEP_PARAMS)) {
    throw invalidValue('scheduler', 'must have a policy, utilMin or utilMax', scheduler);
  }
  return attributes;
}

function addPolicy(attributes: Attributes, policy: Policy, from: SchedulerOptions): void {
  if (boolean('scheduler.resetOnFork', from.resetOnFork ?? false)) {
    attributes.flags |= abi.SCHED_FLAG_RESET_ON_FORK;
  }
  const share = (name: 'runtimeNs' | 'deadlineNs' | 'periodNs', least: number, value: unknown) =>
    integer(`scheduler.${name}`, value, least, SHARE_NS_MAX);
  if (policy === 'fifo' || policy === 'rr') {
    attributes.priority = integer('scheduler.priority', from.priority, 1, PRIORITY_MAX);
  } else if (policy === 'deadline') {
    const runtime = share('runtimeNs', SHARE_NS_MIN, from.runtimeNs);
    const deadline = share('deadlineNs', runtime, from.deadlineNs);
    const period = share('periodNs', deadline, from.periodNs ?? deadline);
    Object.assign(attributes, { runtime, deadline, period });
    if (boolean('scheduler.reclaim', from.reclaim ?? false)) {
      attributes.flags |= abi.SCHED_FLAG_RECLAIM;
    }
  } else {
    attributes.nice = integer('scheduler.nice', from.nice ?? 0, NICE_MIN, NICE_MAX);
    if (from.runtimeNs !== undefined) attributes.runtime = share('runtimeNs', 0, from.runtimeNs);
  }
}

function addClamps(attributes: Attributes, { utilMin, utilMax }: SchedulerOptions): void {
  const clamp = (name: string, value: number | null) =>
    value === null ? UTIL_DEFAULT : integer(`scheduler.${name}`, value, 0, UTIL_MAX);
  if (utilMin !== undefined) {
    attributes.utilMin = clamp('utilMin', utilMin);
    attributes.flags |= abi.SCHED_FLAG_UTIL_CLAMP_MIN;
  }
  if (utilMax !== undefined) {
    attributes.utilMax = clamp('utilMax', utilMax);
    attributes.flags |= abi.SCHED_FLAG_UTIL_CLAMP_MAX;
  }
}
