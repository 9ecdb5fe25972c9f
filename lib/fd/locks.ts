/** Locks on ranges of a file that belong to an open file: F_OFD_SETLK of fcntl(2). */
import { setTimeout as pause } from 'node:timers/promises';
import {
  EACCES,
  EAGAIN,
  EINTR,
  ETIMEDOUT,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
} from '../abi.js';
import { abortError, check, systemError } from '../errors.js';
import { native } from '../native.js';
import { abortSignal, integer, milliseconds, oneOf, onlyKeys } from '../validate.js';
import { type FdLike, plainDescriptor } from './fd.js';
import type { WaitOptions } from './waitable.js';

const FLOCK_BYTES = 32;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;
/** How long `lock` sleeps before it asks again: nothing in the kernel would tell it. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 64;

/** Bytes of a file. */
export interface LockRange {
  /** First byte. Default 0. */
  start?: number;
  /** How many bytes; 0 means all from `start` on, however the file grows. Default 0. */
  length?: number;
}

export interface LockOptions extends LockRange {
  /** 'shared' suffers other shared ones, and needs a file open to read. Default 'exclusive'. */
  mode?: 'shared' | 'exclusive';
}

/** A lock that somebody else has. */
export interface HeldLock {
  readonly mode: 'shared' | 'exclusive';
  readonly start: number;
  /** 0: to the end of the file. */
  readonly length: number;
  /** Of the process that has it; -1 where an open file has it, as all locks of this module. */
  readonly pid: number;
}

const KEYS = ['start', 'length', 'mode'];

/**
 * Locks a range, if nobody else has it locked.
 *
 * The lock belongs to the open file: copies of `fd` share it, and it goes when the last of them is
 * closed, or by `unlock`. It is advisory, and does not stand in the way of its own owner.
 *
 * @errno EBADF the file is not open for that: to read for shared, to write for exclusive
 * @kernel 3.15
 * @man fcntl(2)
 */
export function tryLock(fd: FdLike, options: LockOptions = {}): boolean {
  const lock = lockOf(options);
  return tryNow(plainDescriptor('fd', fd).fd, lock);
}

/**
 * Locks a range as soon as nobody else has it locked. The kernel tells nobody when that is, so it
 * asks again, first after 1 ms and in the end every 64 ms.
 *
 * @kernel 3.15
 * @man fcntl(2)
 */
export function lock(fd: FdLike, options: LockOptions & WaitOptions = {}): Promise<void> {
  const { signal, timeoutMs, ...own } = options;
  const record = lockOf(own);
  const given = abortSignal('signal', signal);
  const limit = timeoutMs === undefined ? undefined : milliseconds('timeoutMs', timeoutMs);
  plainDescriptor('fd', fd);
  return lockInTime(fd, record, given, limit ?? Number.POSITIVE_INFINITY);
}

async function lockInTime(
  fd: FdLike,
  record: DataView,
  signal: AbortSignal | undefined,
  limitMs: number,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
    if (signal?.aborted) throw abortError(signal);
    // It may have been closed meanwhile.
    if (tryNow(plainDescriptor('fd', fd).fd, record)) return;
    const left = deadline - performance.now();
    if (left <= 0) throw systemError(-ETIMEDOUT, 'fcntl');
    await pause(Math.min(wait, left), undefined, signal && { signal }).catch(() => undefined);
  }
}

/**
 * As `lock`, and **blocks the thread** until it has it: no JavaScript of this thread runs
 * meanwhile, also none that would unlock.
 *
 * @errno EDEADLK never: the kernel does not look for deadlocks of these locks
 * @kernel 3.15
 * @man fcntl(2)
 */
export function lockBlocking(fd: FdLike, options: LockOptions = {}): void {
  const record = lockOf(options);
  const { fd: number } = plainDescriptor('fd', fd);
  let result: number;
  do result = native.fcntlLock(number, F_OFD_SETLKW, record);
  while (result === -EINTR);
  check(result, 'fcntl', { fd: number });
}

/**
 * Gives a range back; what was not locked in it stays so.
 *
 * @man fcntl(2)
 */
export function unlock(fd: FdLike, range: LockRange = {}): void {
  onlyKeys('range', range, ['start', 'length']);
  const { fd: number } = plainDescriptor('fd', fd);
  const result = native.fcntlLock(number, F_OFD_SETLK, record(F_UNLCK, range));
  check(result, 'fcntl', { fd: number });
}

/**
 * A lock of somebody else that stands in the way of the one described, or undefined.
 *
 * @man fcntl(2)
 */
export function queryLock(fd: FdLike, options: LockOptions = {}): HeldLock | undefined {
  const view = lockOf(options);
  const { fd: number } = plainDescriptor('fd', fd);
  check(native.fcntlLock(number, F_OFD_GETLK, view), 'fcntl', { fd: number });
  const type = view.getInt16(0, true);
  if (type === F_UNLCK) return undefined;
  return {
    mode: type === F_RDLCK ? 'shared' : 'exclusive',
    start: Number(view.getBigInt64(8, true)),
    length: Number(view.getBigInt64(16, true)),
    pid: view.getInt32(24, true),
  };
}

function lockOf(options: LockOptions): DataView {
  onlyKeys('options', options, KEYS);
  const mode = oneOf('mode', options.mode ?? 'exclusive', ['shared', 'exclusive'] as const);
  return record(mode === 'shared' ? F_RDLCK : F_WRLCK, options);
}

/** `struct flock`; l_whence is SEEK_SET, and l_pid must be 0. */
function record(type: number, range: LockRange): DataView {
  const view = new DataView(new ArrayBuffer(FLOCK_BYTES));
  const start = integer('start', range.start ?? 0, 0, OFFSET_MAX);
  const length = integer('length', range.length ?? 0, 0, OFFSET_MAX - start);
  view.setInt16(0, type, true);
  view.setBigInt64(8, BigInt(start), true);
  view.setBigInt64(16, BigInt(length), true);
  return view;
}

function tryNow(fd: number, lock: DataView): boolean {
  const result = native.fcntlLock(fd, F_OFD_SETLK, lock);
  if (result === -EAGAIN || result === -EACCES) return false;
  check(result, 'fcntl', { fd });
  return true;
}
