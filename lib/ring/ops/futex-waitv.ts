/** Waits for the first of several words of shared memory. */
import { EAGAIN, FUTEX_WAITV_MAX, IORING_OP_FUTEX_WAITV } from '../../abi.js';
import { boolean, invalidValue, onlyKeys } from '../../validate.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import { type FutexWords, futexFlags, futexValue, futexWord } from './futex.js';

const FUTEX_WAITV = kind<number>({
  name: 'futex_waitv',
  code: IORING_OP_FUTEX_WAITV,
  since: '6.7',
  successes: [EAGAIN],
  decode: (result) => (result < 0 ? -1 : result),
});

/** One word to wait for, as the arguments of `futexWait`. */
export interface FutexWaiter {
  words: FutexWords;
  index: number;
  value: number;
  /** FUTEX2_PRIVATE. Default false. */
  private?: boolean;
}

/** `struct futex_waitv`: value, address, flags. */
const WAITER_BYTES = 24;
const WAITER_WORDS = 6;

/**
 * Waits while each word has its value; gives the place in `waiters` of the one that was woken, or
 * -1 when one of them had changed already.
 *
 * Each mapping must stay undisposed until then: a word that is gone is never woken.
 *
 * @kernel 6.7 IORING_OP_FUTEX_WAITV
 * @man futex(2)
 */
export function futexWaitv(
  waiters: readonly FutexWaiter[],
  options: CommonOptions = {},
): Operation<number> {
  if (!Array.isArray(waiters) || waiters.length === 0 || waiters.length > FUTEX_WAITV_MAX) {
    throw invalidValue('waiters', `must be an array of 1 to ${FUTEX_WAITV_MAX}`, waiters);
  }
  const parts = (waiters as readonly FutexWaiter[]).map((waiter, place) => {
    const name = `waiters[${place}]`;
    onlyKeys(name, waiter, ['words', 'index', 'value', 'private']);
    boolean(`${name}.private`, waiter.private ?? false);
    return {
      ...futexWord(`${name}.words`, waiter.words, waiter.index),
      value: futexValue(`${name}.value`, waiter.value),
      flags: futexFlags(waiter),
    };
  });
  const operation = new Operation(FUTEX_WAITV).common(options);
  operation.fd = 0;
  return operation.arguments(parts.length * WAITER_BYTES, (self, block) => {
    const { words } = block;
    for (const [place, { mapping, offset, value, flags }] of parts.entries()) {
      if (mapping.disposed) throw new TypeError('the mapping has been disposed');
      const word = place * WAITER_WORDS;
      const low = (mapping.addressLow >>> 0) + offset;
      words[word] = value;
      words[word + 1] = 0;
      words[word + 2] = low | 0;
      words[word + 3] = mapping.addressHigh + highWord(low);
      words[word + 4] = flags;
      words[word + 5] = 0;
    }
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = parts.length;
  });
}
