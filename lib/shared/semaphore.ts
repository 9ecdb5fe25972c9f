/** A count of permits. */
import { integer, outOfRange } from '../validate.js';
import type { SharedMemory } from './memory.js';
import { makeSmall, openSmall, SLEEPS, SMALL_WORDS, STATE } from './small.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

const MAX = 2 ** 31 - 1;

/**
 * Permits that participants take and give back. Permits have no owner: those of one who dies are
 * gone, until somebody releases them in its place.
 */
export class Semaphore {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #sleepers: Sleepers;

  private constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#sleepers = new Sleepers(words, SLEEPS, () => memory.needOpen());
  }

  /** Makes a semaphore of so many permits in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string, permits: number): void {
    integer('permits', permits, 0, MAX);
    makeSmall(memory, name, 'SEMA', SMALL_WORDS, (words) => {
      words[STATE] = permits;
    });
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): Semaphore {
    return new Semaphore(memory, openSmall(memory, name, 'SEMA', 'Semaphore'));
  }

  /** Takes a permit if there is one. */
  tryAcquire(): boolean {
    this.#memory.needOpen();
    for (;;) {
      const count = Atomics.load(this.#words, STATE);
      if (count <= 0) return false;
      if (Atomics.compareExchange(this.#words, STATE, count, count - 1) === count) return true;
    }
  }

  /**
   * Takes a permit, and **blocks the thread** until there is one: spinning, then asleep.
   *
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  acquireBlocking(options: BlockingWaitOptions = {}): void {
    if (!this.tryAcquire()) this.#sleepers.block(() => this.tryAcquire(), options);
  }

  /** As `acquireBlocking`, and the loop goes on meanwhile. */
  async acquireAsync(options: AsyncWaitOptions = {}): Promise<void> {
    await this.#sleepers.wait(() => this.tryAcquire(), options);
  }

  /** Gives permits back, or makes more. */
  release(permits = 1): void {
    this.#memory.needOpen();
    integer('permits', permits, 1, MAX);
    for (;;) {
      const count = Atomics.load(this.#words, STATE);
      if (count + permits > MAX) throw outOfRange('permits', `<= ${MAX - count} now`, permits);
      if (Atomics.compareExchange(this.#words, STATE, count, count + permits) === count) break;
    }
    this.#sleepers.wake();
  }

  /** Permits that are there now. */
  get available(): number {
    return Math.max(0, Atomics.load(this.#words, STATE));
  }
}
