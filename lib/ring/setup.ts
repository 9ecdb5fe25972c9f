/** Makes a ring: chooses the flags that work here, asks the kernel, maps the queues. */
import {
  ENOTRECOVERABLE,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_MEM_REGION,
  IORING_REGISTER_RESIZE_RINGS,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../abi.js';
import { check, systemError, unexpected } from '../errors.js';
import {
  registerSupported,
  requireFeature,
  requireIoUring,
  setupFlagSupported,
} from '../features.js';
import { Mapping } from '../memory/mapping.js';
import { PAGE_BYTES } from '../memory/pages.js';
import { native } from '../native.js';
import { type CompletionLayout, CompletionQueue } from './completion-queue.js';
import { Control } from './control.js';
import { CQE_WORDS } from './cqe.js';
import { FLAG_OF, type RingPlan } from './options.js';
import { highWord, SQE_WORDS, WIDE_SQE_WORDS } from './sqe.js';
import { type SubmissionLayout, SubmissionQueue } from './submission-queue.js';

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
  sqMemory: 18,
  cqMemory: 28,
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

/** Bit 30 of the number of a ring without a descriptor, as the native side counts. */
const WITHOUT_DESCRIPTOR = 1 << 30;

/** The descriptor of a ring, or -1 where it has none. */
export function descriptorOf(ring: number): number {
  return ring >= WITHOUT_DESCRIPTOR ? -1 : ring;
}

export function openRaw(plan: RingPlan, tagged: boolean): Queues {
  requireIoUring();
  const params = new Uint32Array(PARAMS_WORDS);
  params[P.cqEntries] = plan.completionEntries;
  params[P.flags] = chooseFlags(plan);
  params[P.sqThreadCpu] = plan.sqThreadCpu;
  params[P.sqThreadIdle] = plan.sqThreadIdleMs;
  params[P.wqFd] = plan.attachWqFd;
  const memory = plan.memory === undefined ? undefined : provideMemory(plan, params);
  // The ring holds its memory by itself from here on, whatever becomes of this.
  using _handed = memory?.mapping;
  const fd = check(native.ioUringSetup(plan.entries, params), 'io_uring_setup', {
    facts: { flags: params[P.flags] as number },
  });
  const mapped = native.ringMap(fd, params, memory?.mapping.region ?? -1);
  if (mapped < 0) {
    if (descriptorOf(fd) >= 0) native.close(fd);
    check(mapped, 'mmap');
  }
  const features = params[P.features] as number;
  // A kernel that refuses it (RLIMIT_MEMLOCK) reads the arguments where they are.
  if (plan.loop === 'own' && waitsRegistered(params)) native.ringRegisterWait(fd);
  if (plan.enabled) enableRing(fd, params[P.flags] as number);
  const parts = queues(fd, params, plan, tagged, memory?.sqesAt ?? 0);
  return { fd, flags: params[P.flags] as number, features, ...parts };
}

/** Only of a ring that is not enabled yet; and one that polls (IOPOLL) refuses such waits. */
function waitsRegistered(params: Uint32Array): boolean {
  const flags = params[P.flags] as number;
  if ((flags & (IORING_SETUP_R_DISABLED | IORING_SETUP_IOPOLL)) !== IORING_SETUP_R_DISABLED) {
    return false;
  }
  return registerSupported(IORING_REGISTER_MEM_REGION);
}

/** Ends IORING_SETUP_R_DISABLED; closes the ring where the kernel refuses. */
export function enableRing(fd: number, flags: number): void {
  if ((flags & IORING_SETUP_R_DISABLED) === 0) return;
  const enabled = native.ioUringRegister(fd, IORING_REGISTER_ENABLE_RINGS, null, 0);
  if (enabled < 0) native.ringClose(fd);
  check(enabled, 'io_uring_register');
}

/** More than the kernel puts in front of the completions. */
const HEAD_BYTES = 1024;

/** Memory for both queues (IORING_SETUP_NO_MMAP): the heads and completions, then the entries. */
function provideMemory(plan: RingPlan, params: Uint32Array) {
  const flags = params[P.flags] as number;
  const entries = 2 ** Math.ceil(Math.log2(plan.entries));
  const cqeBytes = flags & IORING_SETUP_CQE32 ? 32 : 16;
  const sqeBytes = flags & IORING_SETUP_SQE128 ? 128 : 64;
  const ringBytes = HEAD_BYTES + plan.completionEntries * cqeBytes + entries * 4;
  const sqesAt = Math.ceil(ringBytes / PAGE_BYTES) * PAGE_BYTES;
  const mapping = Mapping.anonymous({ size: sqesAt + entries * sqeBytes, ...plan.memory });
  putAddress(params, P.cqMemory, mapping, 0);
  putAddress(params, P.sqMemory, mapping, sqesAt);
  return { mapping, sqesAt };
}

function putAddress(params: Uint32Array, at: number, mapping: Mapping, offset: number): void {
  const low = (mapping.addressLow >>> 0) + offset;
  params[at] = low;
  params[at + 1] = mapping.addressHigh + highWord(low);
}

/**
 * Asks for other numbers of entries, of a ring whose queues are then where it tells: what is in
 * them has been moved, and nothing is lost.
 */
export function resizeRaw(raw: Queues, entries: number, completionEntries: number): Queues {
  const params = new Uint32Array(PARAMS_WORDS);
  params[P.sqEntries] = entries;
  params[P.cqEntries] = completionEntries;
  params[P.flags] = IORING_SETUP_CQSIZE | (raw.flags & IORING_SETUP_CLAMP);
  check(native.ringResize(raw.fd, params), 'io_uring_register', {
    facts: { opcode: IORING_REGISTER_RESIZE_RINGS },
  });
  const made = native.ringBuffers(raw.fd);
  // The queues have moved by now, and nobody can look at them any more.
  if (typeof made === 'number') throw systemError(-ENOTRECOVERABLE, 'ringBuffers');
  const [oldRings, oldSqes, page] = raw.buffers as [ArrayBuffer, ArrayBuffer, ArrayBuffer];
  // The page has not moved, and one view of it is enough.
  native.detach(made.control);
  const words = new Int32Array(made.rings);
  raw.submission.move(words, new Int32Array(made.sqes), submissionLayout(params));
  raw.completion.move(words, completionLayout(params));
  native.detach(oldRings);
  native.detach(oldSqes);
  return { ...raw, buffers: [made.rings, made.sqes, page] };
}

function queues(fd: number, params: Uint32Array, plan: RingPlan, tagged: boolean, sqesAt: number) {
  const made = native.ringBuffers(fd);
  if (typeof made === 'number') {
    native.ringClose(fd);
    check(made, 'napi_create_external_arraybuffer');
    return unexpected(made, 'ringBuffers');
  }
  const { rings, sqes, control: page, enter } = made;
  const control = new Control(page, enter, tagged);
  const words = new Int32Array(rings);
  const entries = new Int32Array(sqes, sqesAt);
  const submission = new SubmissionQueue(words, entries, submissionLayout(params));
  const layout = completionLayout(params);
  const completion = new CompletionQueue(words, control, layout, plan.budget);
  return { submission, completion, control, buffers: [rings, sqes, page] };
}

function submissionLayout(params: Uint32Array): SubmissionLayout {
  const flags = params[P.flags] as number;
  return {
    head: wordOf(params, P.sqHead),
    tail: wordOf(params, P.sqTail),
    flags: wordOf(params, P.sqFlags),
    array: flags & IORING_SETUP_NO_SQARRAY ? -1 : wordOf(params, P.sqArray),
    entries: params[P.sqEntries] as number,
    sqeWords: flags & IORING_SETUP_SQE128 ? WIDE_SQE_WORDS : SQE_WORDS,
    singleThreaded: (flags & IORING_SETUP_DEFER_TASKRUN) !== 0,
    polled: (flags & IORING_SETUP_SQPOLL) !== 0,
  };
}

function completionLayout(params: Uint32Array): CompletionLayout {
  const flags = params[P.flags] as number;
  return {
    head: wordOf(params, P.cqHead),
    tail: wordOf(params, P.cqTail),
    cqes: wordOf(params, P.cqCqes),
    flags: wordOf(params, P.cqFlags),
    entries: params[P.cqEntries] as number,
    cqeWords: flags & IORING_SETUP_CQE32 ? CQE_WORDS * 2 : CQE_WORDS,
    large: (flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED)) !== 0,
    singleThreaded: (flags & IORING_SETUP_DEFER_TASKRUN) !== 0,
  };
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
  if (plan.memory !== undefined) requireFeature('setup:NO_MMAP');
  let flags = plan.required;
  for (const flag of Object.values(FLAG_OF)) {
    if ((plan.wished & flag) !== 0 && setupFlagSupported(flag)) flags |= flag;
  }
  const deferred = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN;
  return flags & deferred ? flags : flags & ~IORING_SETUP_TASKRUN_FLAG;
}

/** 'deferTaskrun' is DEFER_TASKRUN. */
export function constantOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
