/** Wakes those who wait for a word of shared memory. */
import { IORING_OP_FUTEX_WAKE } from '../../abi.js';
import { integer } from '../../validate.js';
import { byteCount as count, kind, type Operation } from '../operation.js';
import { type FutexOptions, type FutexWords, onFutex } from './futex.js';

const FUTEX_WAKE = kind<number>({
  name: 'futex_wake',
  code: IORING_OP_FUTEX_WAKE,
  since: '6.7',
  decode: count,
});

export interface FutexWakeOptions extends FutexOptions {
  /** How many to wake at most. Default: all. */
  count?: number;
}

/**
 * Wakes waiters on `words[index]`; gives how many there were. Store the new value first.
 *
 * It must be `private` when the waiters are, and must not when they are not.
 *
 * @param words over a `Mapping`
 * @kernel 6.7 IORING_OP_FUTEX_WAKE
 * @man futex(2)
 */
export function futexWake(
  words: FutexWords,
  index: number,
  options: FutexWakeOptions = {},
): Operation<number> {
  const { count: wanted, ...rest } = options;
  const most = integer('count', wanted ?? 2 ** 31 - 1, 1, 2 ** 31 - 1);
  return onFutex(FUTEX_WAKE, words, index, most, rest);
}
