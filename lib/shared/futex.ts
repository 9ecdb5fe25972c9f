/**
 * Waiting on words of shared memory by plain calls: futex(2). The calls that wait **block the
 * thread**; `ring.futexWait` and its kin do not.
 */
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  EAGAIN,
  EINTR,
  ETIMEDOUT,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_PRIVATE_FLAG,
  FUTEX_WAIT_BITSET,
  FUTEX_WAITV_MAX,
  FUTEX_WAKE_BITSET,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U32,
} from '../abi.js';
import { check } from '../errors.js';
import { clockNow, putTime, TIMESPEC_BYTES } from '../fd/times.js';
import { native } from '../native.js';
import {
  boolean,
  bytesView,
  integer,
  invalidType,
  invalidValue,
  milliseconds,
  onlyKeys,
} from '../validate.js';

/**
 * Words that threads and processes share: over a `Mapping`, or a SharedArrayBuffer, which only
 * threads of one process can share.
 */
export type FutexWords = Int32Array | Uint32Array;

/** As `Atomics.wait` has it. */
export type FutexWaited = 'ok' | 'not-equal' | 'timed-out';

export interface FutexOptions {
  /** Which waiters and wakers meet: those with a bit in common. Default all 32 bits. */
  mask?: number;
  /** Only within this process, which is cheaper. All sides must say the same. Default false. */
  private?: boolean;
}

export interface FutexTimes {
  /** Gives up after so many milliseconds. Default never. */
  timeoutMs?: number;
  /** Gives up at this time of the real-time clock, as `Date.now()` has it, instead. */
  untilMs?: number;
}

export interface FutexWakeOptions extends FutexOptions {
  /** How many to wake at most. Default: all. */
  count?: number;
}

const UINT32_MAX = 0xffff_ffff;
const COUNT_MAX = 2 ** 31 - 1;
const WAITER_BYTES = 24;

/**
 * A thread that is blocked cannot be terminated, nor can the process end: each time after so long
 * it comes back to where it can.
 */
export const SLICE_MS = 50;

/** Of the slice that this thread waits for. */
const sliceEnd = new DataView(new ArrayBuffer(TIMESPEC_BYTES));

/**
 * Waits while `words[index]` is `value`, until it is woken. **Blocks the thread**: no JavaScript of
 * it runs meanwhile.
 *
 * 'ok' says that it was woken, or that the word has changed meanwhile: look again. Signals do not
 * end it. Each 50 ms it lines up anew where `value` still stands, behind all others.
 *
 * @kernel 2.6.25 FUTEX_WAIT_BITSET
 * @man futex(2)
 */
export function futexWait(
  words: FutexWords,
  index: number,
  value: number,
  options: FutexOptions & FutexTimes = {},
): FutexWaited {
  onlyKeys('options', options, ['mask', 'private', 'timeoutMs', 'untilMs']);
  checkWord('words', words, index);
  const expected = wordValue('value', value);
  const mask = maskOf(options);
  const until = endOf(options);
  const operation =
    FUTEX_WAIT_BITSET |
    privacy(options) |
    (until.clock === CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0);
  const wait = (): number =>
    native.futex(words, index, operation, expected, sliceEnd, null, 0, mask);
  const result = inSlices(until, wait, () => 0);
  return waited(result, 'futex') < 0 ? said(result) : 'ok';
}

/**
 * Wakes those who wait for `words[index]`; answers how many there were. Store the new value first.
 *
 * @kernel 2.6.25 FUTEX_WAKE_BITSET
 * @man futex(2)
 */
export function futexWake(
  words: FutexWords,
  index: number,
  options: FutexWakeOptions = {},
): number {
  onlyKeys('options', options, ['mask', 'private', 'count']);
  checkWord('words', words, index);
  const count = integer('count', options.count ?? COUNT_MAX, 1, COUNT_MAX);
  const operation = FUTEX_WAKE_BITSET | privacy(options);
  const mask = maskOf(options);
  return check(native.futex(words, index, operation, count, null, null, 0, mask), 'futex');
}

/** One word to wait for, as the arguments of `futexWait`. */
export interface FutexWaiter {
  words: FutexWords;
  index: number;
  value: number;
  private?: boolean;
}

/**
 * Waits while each word has its value; answers the place in `waiters` of the one that was woken.
 * **Blocks the thread**, as `futexWait`.
 *
 * @kernel 5.16
 * @man futex_waitv(2)
 */
export function futexWaitv(
  waiters: readonly FutexWaiter[],
  options: FutexTimes = {},
): number | 'not-equal' | 'timed-out' {
  onlyKeys('options', options, ['timeoutMs', 'untilMs']);
  if (!Array.isArray(waiters) || waiters.length === 0 || waiters.length > FUTEX_WAITV_MAX) {
    throw invalidValue('waiters', `must be an array of 1 to ${FUTEX_WAITV_MAX}`, waiters);
  }
  const list = waiters as readonly FutexWaiter[];
  const view = new DataView(new ArrayBuffer(list.length * WAITER_BYTES));
  const words = list.map((waiter, place) => {
    const name = `waiters[${place}]`;
    onlyKeys(name, waiter, ['words', 'index', 'value', 'private']);
    const flags = boolean(`${name}.private`, waiter.private ?? false) ? FUTEX2_PRIVATE : 0;
    const value = wordValue(`${name}.value`, waiter.value);
    view.setBigUint64(place * WAITER_BYTES, BigInt(value), true);
    view.setUint32(place * WAITER_BYTES + 16, FUTEX2_SIZE_U32 | flags, true);
    checkWord(`${name}.words`, waiter.words, waiter.index);
    return waiter.words.subarray(waiter.index, waiter.index + 1);
  });
  const until = endOf(options);
  const changed = (): number =>
    list.findIndex(({ value }, place) => ((words[place]?.[0] ?? 0) ^ value) !== 0);
  const result = inSlices(
    until,
    () => native.futexWaitv(view, words, sliceEnd, until.clock),
    changed,
  );
  return waited(result, 'futex_waitv') < 0 ? said(result) : result;
}

/**
 * Waits again and again until a slice ends otherwise than by its time. A word that changes between
 * two slices is one that changed while it was waited for: `changed` tells its place, or -1.
 */
function inSlices({ clock, ms }: End, wait: () => number, changed: () => number): number {
  for (let first = true; ; first = false) {
    const end = Math.min(ms, clockNow(clock) + SLICE_MS);
    putTime(sliceEnd, 0, end);
    const result = wait();
    if (result === -EINTR || (result === -ETIMEDOUT && end < ms)) continue;
    if (result !== -EAGAIN || first) return result;
    const place = changed();
    if (place >= 0) return place;
  }
}

export interface FutexRequeueOptions {
  /** How many to wake. Default 1. */
  wake?: number;
  /** How many of the others to move. Default: all. */
  requeue?: number;
  private?: boolean;
}

/**
 * Wakes some of those who wait for `words[index]` and lets the others wait for another word, so
 * that they need not all run for a lock that one of them gets. Answers how many were woken and
 * moved, or 'not-equal' when the word is not `value`. Change the word before: a `futexWait` that
 * was moved looks at it again within 50 ms, and where it still has its value waits there.
 *
 * @kernel 2.6.7 FUTEX_CMP_REQUEUE
 * @man futex(2)
 */
export function futexRequeue(
  words: FutexWords,
  index: number,
  value: number,
  target: { words: FutexWords; index: number },
  options: FutexRequeueOptions = {},
): number | 'not-equal' {
  onlyKeys('options', options, ['wake', 'requeue', 'private']);
  onlyKeys('target', target, ['words', 'index']);
  checkWord('words', words, index);
  const expected = wordValue('value', value);
  checkWord('target.words', target.words, target.index);
  const wake = integer('wake', options.wake ?? 1, 0, COUNT_MAX);
  const requeue = integer('requeue', options.requeue ?? COUNT_MAX, 0, COUNT_MAX);
  const operation = FUTEX_CMP_REQUEUE | privacy(options);
  const result = native.futex(
    words,
    index,
    operation,
    wake,
    requeue,
    target.words,
    target.index,
    expected,
  );
  return result === -EAGAIN ? 'not-equal' : check(result, 'futex');
}

function waited(result: number, syscall: string): number {
  return result === -EAGAIN || result === -ETIMEDOUT ? result : check(result, syscall);
}

const said = (result: number): 'not-equal' | 'timed-out' =>
  result === -EAGAIN ? 'not-equal' : 'timed-out';

function checkWord(name: string, words: unknown, index: unknown): void {
  if (!(words instanceof Int32Array || words instanceof Uint32Array)) {
    throw invalidType(name, 'an Int32Array or Uint32Array', words);
  }
  bytesView(name, words);
  integer('index', index, 0, words.length - 1);
}

/** Signed or not: the kernel compares 32 bits. */
function wordValue(name: string, value: unknown): number {
  return integer(name, value, -(2 ** 31), UINT32_MAX) >>> 0;
}

function maskOf(options: FutexOptions): number {
  return integer('mask', options.mask ?? FUTEX_BITSET_MATCH_ANY, 1, UINT32_MAX);
}

function privacy(options: { private?: boolean }): number {
  return boolean('private', options.private ?? false) ? FUTEX_PRIVATE_FLAG : 0;
}

interface End {
  readonly clock: number;
  readonly ms: number;
}

/** An absolute time, so that a wait in several calls goes on to the same end. */
function endOf(times: FutexTimes): End {
  const { timeoutMs, untilMs } = times;
  if (timeoutMs !== undefined && untilMs !== undefined) {
    throw invalidValue('untilMs', 'must be without timeoutMs', untilMs);
  }
  if (untilMs !== undefined) {
    return { clock: CLOCK_REALTIME, ms: milliseconds('untilMs', untilMs) };
  }
  if (timeoutMs === undefined) return { clock: CLOCK_MONOTONIC, ms: Infinity };
  const limit = milliseconds('timeoutMs', timeoutMs);
  return { clock: CLOCK_MONOTONIC, ms: clockNow(CLOCK_MONOTONIC) + limit };
}
