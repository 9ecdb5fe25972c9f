/** Waiting for what a mutex guards to change. */
import type { SharedMemory } from './memory.js';
import type { LockState, Mutex } from './mutex.js';
import { makeSmall, openSmall, SLEEPS, SMALL_WORDS, STATE } from './small.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

/** Tells those who wait for a change, with the mutex that guards what changes. */
export class Condition {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #sleepers: Sleepers;

  private constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#sleepers = new Sleepers(words, SLEEPS, () => memory.needOpen());
  }

  /** Makes a condition in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string): void {
    makeSmall(memory, name, 'COND', SMALL_WORDS);
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): Condition {
    return new Condition(memory, openSmall(memory, name, 'COND', 'Condition'));
  }

  /**
   * Unlocks `mutex`, **blocks the thread** until somebody calls `notifyAll`, and locks it again,
   * whatever happens; answers how it was got. Nothing is said about what changed: look again.
   *
   * @errno ETIMEDOUT `timeoutMs` are over; the mutex is held all the same
   * @man futex(2)
   */
  waitBlocking(mutex: Mutex, options: BlockingWaitOptions = {}): LockState {
    const changed = this.#change();
    mutex.unlock();
    try {
      this.#sleepers.block(changed, options);
    } catch (error) {
      mutex.lockBlocking();
      throw error;
    }
    return mutex.lockBlocking();
  }

  /** As `waitBlocking`, and the loop goes on meanwhile. */
  async waitAsync(mutex: Mutex, options: AsyncWaitOptions = {}): Promise<LockState> {
    const changed = this.#change();
    mutex.unlock();
    try {
      await this.#sleepers.wait(changed, options);
    } catch (error) {
      await mutex.lockAsync();
      throw error;
    }
    return mutex.lockAsync();
  }

  /** Wakes all who wait. Change what they wait for first, with the mutex held. */
  notifyAll(): void {
    this.#memory.needOpen();
    Atomics.add(this.#words, STATE, 1);
    this.#sleepers.wake();
  }

  /** Whether somebody has been notified since now: looked at while the mutex is still held. */
  #change(): () => boolean {
    const before = Atomics.load(this.#words, STATE);
    return () => Atomics.load(this.#words, STATE) !== before;
  }
}
