/** Work that is done once, by whoever comes first. */
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import { makeSmall, openSmall, SLEEPS, SMALL_WORDS, STATE } from './small.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

/** No participant has this name. */
const DONE = 1;

/**
 * Lets one participant do something, while the others wait for it. When the work throws or its
 * participant dies, another one does it.
 */
export class Once {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #sleepers: Sleepers;

  private constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#sleepers = new Sleepers(words, SLEEPS, () => this.#forgetTheDead());
  }

  /** Makes it in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string): void {
    makeSmall(memory, name, 'ONCE', SMALL_WORDS);
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): Once {
    return new Once(memory, openSmall(memory, name, 'ONCE', 'Once'));
  }

  get done(): boolean {
    return Atomics.load(this.#words, STATE) === DONE;
  }

  /**
   * Calls `work` unless that has been done; **blocks the thread** while another one does it.
   * Answers whether it was this call that did.
   *
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  runBlocking(work: () => void, options: BlockingWaitOptions = {}): boolean {
    if (Atomics.load(this.#words, STATE) === this.#memory.participant) {
      throw new SharedError('TAKEN', 'this thread is doing it, and would wait for itself');
    }
    if (!this.#settled()) this.#sleepers.block(() => this.#settled(), options);
    if (this.done) return false;
    try {
      work();
    } catch (error) {
      this.#leave(0);
      throw error;
    }
    this.#leave(DONE);
    return true;
  }

  /** As `runBlocking`, with work that may be asynchronous, and the loop goes on meanwhile. */
  async runAsync(work: () => unknown, options: AsyncWaitOptions = {}): Promise<boolean> {
    await this.#sleepers.wait(() => this.#settled(), options);
    if (this.done) return false;
    try {
      await work();
    } catch (error) {
      this.#leave(0);
      throw error;
    }
    this.#leave(DONE);
    return true;
  }

  /** It is done, or it is for this participant to do. */
  #settled(): boolean {
    this.#memory.needOpen();
    const found = Atomics.compareExchange(this.#words, STATE, 0, this.#memory.participant);
    return found === 0 || found === DONE;
  }

  #leave(state: number): void {
    Atomics.store(this.#words, STATE, state);
    this.#sleepers.wake();
  }

  #forgetTheDead(): void {
    this.#memory.needOpen();
    const found = Atomics.load(this.#words, STATE);
    if (found === 0 || found === DONE || this.#memory.isAlive(found)) return;
    Atomics.compareExchange(this.#words, STATE, found, 0);
  }
}
