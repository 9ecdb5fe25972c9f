/** A lock that names its holder, so that it is not lost when the holder dies. */
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import { makeSmall, openSmall, SLEEPS, SMALL_WORDS, STATE } from './small.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

/**
 * How a lock was got: 'abandoned' when its last holder died holding it, so that what it guards may
 * be half changed.
 */
export type LockState = 'clean' | 'abandoned';

/**
 * Mutual exclusion of participants: threads and processes. The holder is a participant and not a
 * task: asynchronous tasks of one thread exclude each other too, and any of them can unlock.
 */
export class Mutex {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #sleepers: Sleepers;
  /** It was taken from a dead holder, for whoever of this thread looks next. */
  #tookOver = false;

  private constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#sleepers = new Sleepers(words, SLEEPS, () => this.#takeOver());
  }

  /** Makes a mutex in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string): void {
    makeSmall(memory, name, 'MUTX', SMALL_WORDS);
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): Mutex {
    return new Mutex(memory, openSmall(memory, name, 'MUTX', 'Mutex'));
  }

  /** Locks it if it is free; undefined when it is not. */
  tryLock(): LockState | undefined {
    if (this.#tookOver) {
      this.#tookOver = false;
      return 'abandoned';
    }
    this.#memory.needOpen();
    const owner = Atomics.compareExchange(this.#words, STATE, 0, this.#memory.participant);
    return owner === 0 ? 'clean' : undefined;
  }

  /**
   * Locks it, and **blocks the thread** until it is free: spinning, then asleep.
   *
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  lockBlocking(options: BlockingWaitOptions = {}): LockState {
    let state = this.tryLock();
    if (state !== undefined) return state;
    if (this.isMine) throw new TypeError('this thread holds the mutex, and would wait for itself');
    this.#sleepers.block(() => {
      state = this.tryLock();
      return state !== undefined;
    }, options);
    return state as unknown as LockState;
  }

  /** As `lockBlocking`, and the loop goes on meanwhile. */
  async lockAsync(options: AsyncWaitOptions = {}): Promise<LockState> {
    let state: LockState | undefined;
    await this.#sleepers.wait(() => {
      state = this.tryLock();
      return state !== undefined;
    }, options);
    return state as unknown as LockState;
  }

  /** Lets the next one have it. */
  unlock(): void {
    this.#memory.needOpen();
    const self = this.#memory.participant;
    if (Atomics.compareExchange(this.#words, STATE, self, 0) !== self) {
      throw new SharedError('TAKEN', 'the mutex is not held by this participant');
    }
    this.#sleepers.wake();
  }

  /** Calls `work` with the lock held; answers what it answers. */
  run<Result>(work: (state: LockState) => Result, options: BlockingWaitOptions = {}): Result {
    const state = this.lockBlocking(options);
    try {
      return work(state);
    } finally {
      this.unlock();
    }
  }

  /** This participant holds it. */
  get isMine(): boolean {
    return Atomics.load(this.#words, STATE) === this.#memory.participant;
  }

  /** The participant that holds it; 0 for nobody. */
  get holder(): number {
    return Atomics.load(this.#words, STATE);
  }

  #takeOver(): void {
    this.#memory.needOpen();
    const owner = Atomics.load(this.#words, STATE);
    if (owner === 0 || this.#memory.isAlive(owner)) return;
    const self = this.#memory.participant;
    if (Atomics.compareExchange(this.#words, STATE, owner, self) === owner) this.#tookOver = true;
  }
}
