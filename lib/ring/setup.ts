/** Makes a ring: chooses the flags that work here, asks the kernel, maps the queues. */
import {
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../abi.js';
import { check, unexpected } from '../errors.js';
import { requireFeature, requireIoUring, setupFlagSupported } from '../features.js';
import { native } from '../native.js';
import { CompletionQueue } from './completion-queue.js';
import { Control } from './control.js';
import { CQE_WORDS } from './cqe.js';
import { FLAG_OF, type RingPlan } from './options.js';
import { SQE_WORDS } from './sqe.js';
import { SubmissionQueue } from './submission-queue.js';

/** Word indices into `struct io_uring_params`. */
const PARAMS_WORDS = 30;
const P = {
  sqEntries: 0,
  cqEntries: 1,
  flags: 2,
  sqThreadCpu: 3,
  sqThreadIdle: 4,
  features: 5,
  wqFd: 6,
  sqHead: 10,
  sqTail: 11,
  sqFlags: 14,
  sqArray: 16,
  cqHead: 20,
  cqTail: 21,
  cqCqes: 25,
  cqFlags: 26,
} as const;

/** A ring as the kernel made it, with its queues mapped. */
export interface Queues {
  readonly fd: number;
  readonly flags: number;
  readonly features: number;
  readonly submission: SubmissionQueue;
  readonly completion: CompletionQueue;
  readonly control: Control;
  readonly buffers: readonly ArrayBuffer[];
}

export function openRaw(plan: RingPlan, tagged: boolean): Queues {
  requireIoUring();
  const params = new Uint32Array(PARAMS_WORDS);
  params[P.cqEntries] = plan.completionEntries;
  params[P.flags] = chooseFlags(plan);
  params[P.sqThreadCpu] = plan.sqThreadCpu;
  params[P.sqThreadIdle] = plan.sqThreadIdleMs;
  params[P.wqFd] = plan.attachWqFd;
  const fd = check(native.ioUringSetup(plan.entries, params), 'io_uring_setup', {
    facts: { flags: params[P.flags] as number },
  });
  const mapped = native.ringMap(fd, params);
  if (mapped < 0) {
    native.close(fd);
    check(mapped, 'mmap');
  }
  const flags = params[P.flags] as number;
  if (flags & IORING_SETUP_R_DISABLED) {
    const enabled = native.ioUringRegister(fd, IORING_REGISTER_ENABLE_RINGS, null, 0);
    if (enabled < 0) native.ringClose(fd);
    check(enabled, 'io_uring_register');
  }
  return { fd, flags, features: params[P.features] as number, ...queues(fd, params, plan, tagged) };
}

function queues(fd: number, params: Uint32Array, plan: RingPlan, tagged: boolean) {
  const made = native.ringBuffers(fd);
  if (typeof made === 'number') {
    native.ringClose(fd);
    check(made, 'napi_create_external_arraybuffer');
    return unexpected(made, 'ringBuffers');
  }
  const { rings, sqes, control: page, enter } = made;
  const control = new Control(page, enter, tagged);
  const flags = params[P.flags] as number;
  const words = new Int32Array(rings);
  const singleThreaded = (flags & IORING_SETUP_DEFER_TASKRUN) !== 0;
  const submission = new SubmissionQueue(words, new Int32Array(sqes), {
    head: wordOf(params, P.sqHead),
    tail: wordOf(params, P.sqTail),
    flags: wordOf(params, P.sqFlags),
    array: flags & IORING_SETUP_NO_SQARRAY ? -1 : wordOf(params, P.sqArray),
    entries: params[P.sqEntries] as number,
    sqeWords: flags & IORING_SETUP_SQE128 ? SQE_WORDS * 2 : SQE_WORDS,
    singleThreaded,
    polled: (flags & IORING_SETUP_SQPOLL) !== 0,
  });
  const layout = {
    head: wordOf(params, P.cqHead),
    tail: wordOf(params, P.cqTail),
    cqes: wordOf(params, P.cqCqes),
    flags: wordOf(params, P.cqFlags),
    entries: params[P.cqEntries] as number,
    cqeWords: flags & IORING_SETUP_CQE32 ? CQE_WORDS * 2 : CQE_WORDS,
    singleThreaded,
  };
  const completion = new CompletionQueue(words, control, layout, plan.budget);
  return { submission, completion, control, buffers: [rings, sqes, page] };
}

function wordOf(params: Uint32Array, index: number): number {
  return (params[index] as number) >> 2;
}

function chooseFlags(plan: RingPlan): number {
  for (const [name, flag] of Object.entries(FLAG_OF)) {
    if ((plan.required & flag) !== 0 && !setupFlagSupported(flag)) {
      requireFeature(`setup:${constantOf(name)}`);
    }
  }
  let flags = plan.required;
  for (const flag of Object.values(FLAG_OF)) {
    if ((plan.wished & flag) !== 0 && setupFlagSupported(flag)) flags |= flag;
  }
  const deferred = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN;
  return flags & deferred ? flags : flags & ~IORING_SETUP_TASKRUN_FLAG;
}

/** 'deferTaskrun' is DEFER_TASKRUN. */
function constantOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
