/** Waiting until shared memory says something: spinning first, then asleep, or beside the loop. */
import { EAGAIN, EINTR, ETIMEDOUT, FUTEX_WAIT, FUTEX_WAKE } from '../abi.js';
import { abortError, check, SystemError, systemError } from '../errors.js';
import { native } from '../native.js';
import type { Ring } from '../ring/ring.js';
import { abortSignal, integer, milliseconds, onlyKeys } from '../validate.js';
import { SLICE_MS } from './futex.js';
import { waitingRing } from './ring.js';

const ASYNC_SLICE_MS = 200;
/** Between two looks, where the kernel cannot wait beside the loop. */
const POLL_MS = 1;
const SPIN_MAX = 2 ** 31 - 1;
const ALL = 2 ** 31 - 1;

/**
 * struct timespec of a slice; `FUTEX_WAIT` counts from now on. Somebody who died wakes nobody: the
 * others are looked for after each.
 */
const slice = new BigInt64Array([0n, BigInt(SLICE_MS * 1_000_000)]);

export interface BlockingWaitOptions {
  /** Fails with ETIMEDOUT after so many milliseconds. Default never. */
  timeoutMs?: number;
  /** Looks so many times before the thread sleeps: some 5 ns each. Default 1000. */
  spin?: number;
}

export interface AsyncWaitOptions {
  /** Fails with ETIMEDOUT after so many milliseconds. Default never. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** The ring that waits. Default: one that this thread's waits have in common. */
  ring?: Ring;
}

const SPIN = 1000;

function timedOut(): SystemError {
  return systemError(-ETIMEDOUT, 'futex');
}

/** The lowest bit of a word of sleepers: somebody may sleep. */
const ASLEEP = 1;

/** Whether a word of sleepers says that somebody sleeps. */
export const someoneSleeps = (words: Int32Array, index: number): boolean =>
  (Atomics.load(words, index) & ASLEEP) !== 0;

/**
 * A word that is odd while somebody sleeps who waits for something, and only ever counts up.
 * Whoever makes it so stores that first and then calls `wake`, which looks at the word; whoever
 * sleeps makes it odd first and then looks whether it is so. Both use Atomics, so that one of them
 * sees the other. Who wakes makes it even by adding 1: who had made it odd before, and does not
 * sleep yet, finds another number and does not, whatever others who come to sleep do to the bit.
 */
export class Sleepers {
  readonly #words: Int32Array;
  readonly #index: number;
  /**
   * Called now and then while somebody waits: mends what can be mended, or throws when it will
   * never be, since whoever could make it so has gone.
   */
  readonly #look: () => void;

  constructor(words: Int32Array, index: number, look: () => void) {
    this.#words = words;
    this.#index = index;
    this.#look = look;
  }

  /** Blocks the thread until `ready` says so. */
  block(ready: () => boolean, options: BlockingWaitOptions): void {
    onlyKeys('options', options, ['timeoutMs', 'spin']);
    const { timeoutMs } = options;
    const limit = timeoutMs === undefined ? undefined : milliseconds('timeoutMs', timeoutMs);
    const spin = integer('spin', options.spin ?? SPIN, 0, SPIN_MAX);
    if (ready()) return;
    const end = limit === undefined ? Infinity : performance.now() + limit;
    for (let count = 0; count < spin; count++) {
      if (ready()) return;
      if ((count & 0xffff) === 0xffff && performance.now() >= end) throw timedOut();
    }
    while (!this.#sleep(ready, end)) {
      if (performance.now() >= end) throw timedOut();
    }
  }

  /** Says that this thread is about to sleep; answers the number to sleep by. */
  #announce(): number {
    return Atomics.or(this.#words, this.#index, ASLEEP) | ASLEEP;
  }

  /** Sleeps once; answers whether it is so. */
  #sleep(ready: () => boolean, end: number): boolean {
    const number = this.#announce();
    if (ready()) return true;
    const rest = end - performance.now();
    const limit =
      rest >= SLICE_MS
        ? slice
        : new BigInt64Array([0n, BigInt(Math.max(0, Math.ceil(rest * 1e6)))]);
    const result = native.futex(this.#words, this.#index, FUTEX_WAIT, number, limit, null, 0, 0);
    if (result < 0 && result !== -EAGAIN && result !== -EINTR && result !== -ETIMEDOUT) {
      check(result, 'futex');
    }
    if (ready()) return true;
    return result === -ETIMEDOUT && this.#lookFor(ready);
  }

  /** Looks for the others; what the last one did before it ended counts. */
  #lookFor(ready: () => boolean): boolean {
    try {
      this.#look();
    } catch (error) {
      if (ready()) return true;
      throw error;
    }
    return ready();
  }

  /** Resolves when `ready` says so; the loop goes on meanwhile. */
  async wait(ready: () => boolean, options: AsyncWaitOptions): Promise<void> {
    onlyKeys('options', options, ['timeoutMs', 'signal', 'ring']);
    const { timeoutMs } = options;
    const signal = abortSignal('signal', options.signal);
    const limit = timeoutMs === undefined ? undefined : milliseconds('timeoutMs', timeoutMs);
    if (signal?.aborted) throw abortError(signal);
    if (ready()) return;
    const end = limit === undefined ? Infinity : performance.now() + limit;
    const ring = options.ring ?? waitingRing();
    let looked = performance.now();
    for (;;) {
      const number = this.#announce();
      if (ready()) return;
      const now = performance.now();
      if (now >= end) throw timedOut();
      if (now - looked >= ASYNC_SLICE_MS) {
        if (this.#lookFor(ready)) return;
        looked = now;
      }
      const rest = Math.min(ASYNC_SLICE_MS, end - now);
      if (ring === undefined) await pause(Math.min(POLL_MS, rest), signal);
      else await this.#waitOnce(ring, number, rest, signal);
      // Before the word is touched again: the memory may have been closed.
      if (ready()) return;
    }
  }

  async #waitOnce(
    ring: Ring,
    number: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const run = signal === undefined ? { timeoutMs } : { timeoutMs, signal };
      await ring.futexWait(this.#words, this.#index, number, run);
    } catch (error) {
      if (!SystemError.is(error, 'ETIMEDOUT')) throw error;
    }
  }

  /** Called after what others may wait for has been stored. */
  wake(): void {
    if (someoneSleeps(this.#words, this.#index)) this.wakeNow();
  }

  /** As `wake`, when the word is known to be odd. */
  wakeNow(): void {
    // Two who do so at once leave it odd, and the next one wakes nobody: no harm.
    Atomics.add(this.#words, this.#index, 1);
    check(native.futex(this.#words, this.#index, FUTEX_WAKE, ALL, null, null, 0, 0), 'futex');
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(abortError(signal as AbortSignal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
