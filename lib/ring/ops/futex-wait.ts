/** Waits until a word of shared memory is announced to have changed, without blocking the loop. */
import { EAGAIN, IORING_OP_FUTEX_WAIT } from '../../abi.js';
import { kind, type Operation } from '../operation.js';
import { type FutexOptions, type FutexWords, futexValue, onFutex } from './futex.js';

/** 'ok' after a wake-up, 'not-equal' when there was nothing to wait for: as `Atomics.wait`. */
export type FutexWaited = 'ok' | 'not-equal';

const FUTEX_WAIT = kind<FutexWaited>({
  name: 'futex_wait',
  code: IORING_OP_FUTEX_WAIT,
  since: '6.7',
  successes: [EAGAIN],
  decode: (result) => (result < 0 ? 'not-equal' : 'ok'),
});

/**
 * Waits while `words[index]` is `value`, until `futexWake` (here, in another thread, or in another
 * process that maps the same memory). As `Atomics.wait`, and the loop goes on meanwhile.
 *
 * The kernel compares when it takes the operation: 'not-equal' says that the word had changed by
 * then. A wake-up says nothing about the word: look again.
 *
 * @param words over a `Mapping`
 * @kernel 6.7 IORING_OP_FUTEX_WAIT
 * @man futex(2)
 */
export function futexWait(
  words: FutexWords,
  index: number,
  value: number,
  options: FutexOptions = {},
): Operation<FutexWaited> {
  return onFutex(FUTEX_WAIT, words, index, futexValue('value', value), options);
}
