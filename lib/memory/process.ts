/** Memory of the whole process: locked at once, without huge pages, and how often it faulted. */
import {
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  PR_GET_THP_DISABLE,
  PR_SET_THP_DISABLE,
  RUSAGE_SELF,
  RUSAGE_THREAD,
  SYS_mlockall,
  SYS_munlockall,
  SYS_prctl,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { readTransparentHugepages, type TransparentHugepages } from '../proc/machine.js';
import { boolean, invalidValue, onlyKeys } from '../validate.js';

/** `struct rusage`: 18 words of 64 bits. */
const RUSAGE_WORDS = 18;
const MINOR_FAULTS = 8;
const MAJOR_FAULTS = 9;

export interface LockAllOptions {
  /** What is mapped now. Default true. */
  current?: boolean;
  /** What is mapped later, V8's heap included. Default false. */
  future?: boolean;
  /** Each page from its first use on, instead of fetching all. Default false. */
  onfault?: boolean;
}

/**
 * Keeps all memory of the process from being swapped out. With `future`, V8 ends the process when
 * memory that it wants later cannot be locked: see that the limit is far away.
 *
 * @errno ENOMEM RLIMIT_MEMLOCK is too small @errno EPERM RLIMIT_MEMLOCK is 0
 * @kernel 2.0; 4.4 `onfault`
 * @man mlockall(2)
 */
export function lockAll(options: LockAllOptions = {}): void {
  onlyKeys('options', options, ['current', 'future', 'onfault']);
  let flags = boolean('current', options.current ?? true) ? MCL_CURRENT : 0;
  if (boolean('future', options.future ?? false)) flags |= MCL_FUTURE;
  if (flags === 0) throw invalidValue('current', 'or "future" must be true', options.current);
  if (boolean('onfault', options.onfault ?? false)) flags |= MCL_ONFAULT;
  check(native.syscall(SYS_mlockall, flags), 'mlockall');
}

/** Undoes `lockAll`, and every `lock`. @man munlockall(2) */
export function unlockAll(): void {
  check(native.syscall(SYS_munlockall), 'munlockall');
}

/** Pages that were missing when they were touched. */
export interface PageFaults {
  /** Without reading a disk. */
  readonly minor: number;
  readonly major: number;
}

/**
 * Counts since the start of the process, or of this thread.
 *
 * @kernel 2.6.26 of a thread
 * @man getrusage(2)
 */
export function pageFaults(options: { thread?: boolean } = {}): PageFaults {
  onlyKeys('options', options, ['thread']);
  const thread = boolean('thread', options.thread ?? false);
  const counts = new BigInt64Array(RUSAGE_WORDS);
  check(native.getrusage(thread ? RUSAGE_THREAD : RUSAGE_SELF, counts), 'getrusage');
  return { minor: Number(counts[MINOR_FAULTS]), major: Number(counts[MAJOR_FAULTS]) };
}

/** The switches for transparent hugepages: of the machine, and of this process. */
export interface ThpState extends TransparentHugepages {
  /** False after `setTransparentHugepages(false)` here or in a parent. */
  readonly process: boolean;
}

/** @man prctl(2), PR_GET_THP_DISABLE */
export function transparentHugepages(): ThpState {
  const off = check(native.syscall(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0), 'prctl');
  return { ...readTransparentHugepages(), process: off === 0 };
}

/**
 * Lets this process, and those that it starts, have transparent hugepages or not. Pages that are
 * there stay as they are.
 *
 * @kernel 3.15
 * @man prctl(2), PR_SET_THP_DISABLE
 */
export function setTransparentHugepages(allowed: boolean): void {
  const off = boolean('allowed', allowed) ? 0 : 1;
  check(native.syscall(SYS_prctl, PR_SET_THP_DISABLE, off, 0, 0, 0), 'prctl');
}
