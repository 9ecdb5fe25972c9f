/** A place where a number of participants wait for each other, again and again. */
import { integer } from '../validate.js';
import { SharedError } from './errors.js';
import { PARTICIPANTS_MAX } from './layout.js';
import type { SharedMemory } from './memory.js';
import { makeSmall, openSmall, SLEEPS, SMALL_WORDS, STATE } from './small.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

const PARTIES = 1;
const BROKEN = 2;
const ARRIVED: number = STATE;
const ROUND: number = STATE + 1;
const MEMBERS: number = SMALL_WORDS;

/**
 * A barrier of `parties` members, which join by `open`. It is broken for all when one of them dies
 * or gives up: nobody waits for who will not come.
 */
export class Barrier implements Disposable {
  readonly parties: number;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #sleepers: Sleepers;
  readonly #place: number;

  private constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.parties = words[PARTIES] as number;
    this.#place = this.#join();
    this.#sleepers = new Sleepers(words, SLEEPS, () => this.#lookForAll());
    memory.parts.add(this);
  }

  /** Makes a barrier in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string, parties: number): void {
    integer('parties', parties, 1, PARTICIPANTS_MAX - 1);
    makeSmall(memory, name, 'BARR', MEMBERS + parties, (words) => {
      words[PARTIES] = parties;
    });
  }

  /**
   * Joins a barrier as one of its parties.
   *
   * @throws SharedError `FULL` when all have joined, `NOT_FOUND`, `LAYOUT`
   */
  static open(memory: SharedMemory, name: string): Barrier {
    const wordsOf = (words: Int32Array) => {
      const parties = words[PARTIES] as number;
      return parties >= 1 && parties < PARTICIPANTS_MAX ? MEMBERS + parties : Number.NaN;
    };
    return new Barrier(memory, openSmall(memory, name, 'BARR', 'Barrier', wordsOf));
  }

  /**
   * **Blocks the thread** until all have come; answers true to the one that came last.
   *
   * @throws SharedError `PEER_DIED` when a member died, `CLOSED` when it was broken
   * @errno ETIMEDOUT `timeoutMs` are over, and the barrier is broken
   * @man futex(2)
   */
  waitBlocking(options: BlockingWaitOptions = {}): boolean {
    const round = this.#arrive();
    if (round === undefined) return true;
    try {
      this.#sleepers.block(() => this.#isOver(round), options);
    } catch (error) {
      this.#break(round);
      throw error;
    }
    return false;
  }

  /** As `waitBlocking`, and the loop goes on meanwhile. */
  async waitAsync(options: AsyncWaitOptions = {}): Promise<boolean> {
    const round = this.#arrive();
    if (round === undefined) return true;
    try {
      await this.#sleepers.wait(() => this.#isOver(round), options);
    } catch (error) {
      this.#break(round);
      throw error;
    }
    return false;
  }

  /** Leaves; who waits for this member finds the barrier broken. */
  close(): void {
    this.#memory.parts.delete(this);
    if (this.#memory.closed) return;
    const self = this.#memory.participant;
    if (Atomics.compareExchange(this.#words, this.#place, self, 0) !== self) return;
    if (Atomics.load(this.#words, ARRIVED) > 0) this.#break(Atomics.load(this.#words, ROUND));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The round that is to be waited for; undefined when it is over by this. */
  #arrive(): number | undefined {
    this.#memory.needOpen();
    this.#needWhole();
    const round = Atomics.load(this.#words, ROUND);
    if (Atomics.add(this.#words, ARRIVED, 1) + 1 < this.parties) return round;
    Atomics.store(this.#words, ARRIVED, 0);
    Atomics.add(this.#words, ROUND, 1);
    this.#sleepers.wake();
    return undefined;
  }

  #isOver(round: number): boolean {
    if (Atomics.load(this.#words, ROUND) !== round) return true;
    this.#needWhole();
    return false;
  }

  #break(round: number): void {
    if (Atomics.load(this.#words, ROUND) !== round) return;
    Atomics.store(this.#words, BROKEN, 1);
    this.#sleepers.wake();
  }

  #needWhole(): void {
    if (Atomics.load(this.#words, BROKEN) === 0) return;
    throw new SharedError('CLOSED', 'the barrier is broken: a member died, left or gave up');
  }

  #join(): number {
    for (let place = MEMBERS; place < MEMBERS + this.parties; place++) {
      if (Atomics.compareExchange(this.#words, place, 0, this.#memory.participant) === 0)
        return place;
    }
    throw new SharedError('FULL', `all ${this.parties} parties of the barrier have joined`);
  }

  #lookForAll(): void {
    this.#memory.needOpen();
    for (let place = MEMBERS; place < MEMBERS + this.parties; place++) {
      const member = Atomics.load(this.#words, place);
      if (member === 0 || this.#memory.isAlive(member)) continue;
      throw new SharedError('PEER_DIED', 'a member of the barrier died');
    }
  }
}
