/** One participant's door to a queue with many producers and consumers. */
import { itBelongsToItsThread } from '../uncloneable.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import {
  cellOf,
  cleared,
  closeIntents,
  HOLE,
  intentOf,
  MPMC_CELLS,
  MPMC_DATA_SLEEPS,
  MPMC_ENDED,
  MPMC_HEAD,
  MPMC_ROOM_SLEEPS,
  MPMC_TAIL,
  openIntents,
  PUT,
  repair,
  TAKE,
} from './mpmc.js';
import { type RecordKind, type RecordOf, recordBytes, recordsAt } from './records.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

type Records = { [index: number]: unknown };

/** So often a cell may be found claimed and not done before its owner is looked for. */
const PATIENCE = 4096;

/**
 * Puts records into a queue and takes them out, beside others who do the same.
 *
 * Who dies putting a record in leaves a hole, which the others skip; who dies taking one out takes
 * it along. Until that has been noticed, the queue is empty, or full, for the others.
 */
export class MpmcHandle<Kind extends RecordKind = RecordKind> implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** Records. */
  readonly capacity: number;
  readonly record: Kind;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #records: Records;
  /** Elements of the records in a cell, and before the record in it. */
  readonly #stride: number;
  readonly #before: number;
  readonly #intent: number;
  readonly #data: Sleepers;
  readonly #room: Sleepers;
  #impatience = 0;
  #closed = false;

  /** @internal */
  constructor(
    memory: SharedMemory,
    words: Int32Array,
    offset: number,
    capacity: number,
    record: Kind,
  ) {
    const bytes = recordBytes(record);
    this.#memory = memory;
    this.#words = words;
    this.capacity = capacity;
    this.record = record;
    this.#stride = 16 / bytes;
    this.#before = 8 / bytes;
    const at = offset + MPMC_CELLS * 4;
    this.#records = recordsAt(record, memory.buffer, at, capacity * this.#stride) as Records;
    if (Atomics.load(words, intentOf(memory.participant)) === memory.participant) {
      throw new SharedError('TAKEN', 'this participant has the queue open already');
    }
    this.#intent = openIntents(memory, words);
    memory.parts.add(this);
    this.#data = new Sleepers(words, MPMC_DATA_SLEEPS, () => this.#repairHead());
    this.#room = new Sleepers(words, MPMC_ROOM_SLEEPS, () => this.#repairTail());
  }

  /** Puts a record in; false when the queue is full. */
  push(value: RecordOf<Kind>): boolean {
    const words = this.#words;
    const intent = this.#intent + PUT;
    if (this.#closed || Atomics.load(words, MPMC_ENDED) !== 0) throw this.#shut();
    for (;;) {
      const position = Atomics.load(words, MPMC_TAIL);
      const cell = cellOf(position, this.capacity);
      const behind = (Atomics.load(words, cell) - position) | 0;
      if (behind < 0) {
        if (this.#losesPatience()) this.#repairTail();
        return false;
      }
      if (behind > 0) continue;
      // Said before it is done: who finds the claim finds whose it is.
      words[intent] = position;
      const found = Atomics.compareExchange(words, MPMC_TAIL, position, (position + 1) | 0);
      if (found !== position) {
        words[intent] = cleared(position);
        continue;
      }
      const at = (position & (this.capacity - 1)) * this.#stride + this.#before;
      this.#records[at] = value;
      // Release: the record is seen with it.
      Atomics.store(words, cell, (position + 1) | 0);
      this.#impatience = 0;
      this.#data.wake();
      return true;
    }
  }

  /** The next record, or undefined when there is none. */
  pop(): RecordOf<Kind> | undefined {
    const words = this.#words;
    const intent = this.#intent + TAKE;
    if (this.#closed) throw this.#shut();
    for (;;) {
      const position = Atomics.load(words, MPMC_HEAD);
      const cell = cellOf(position, this.capacity);
      const behind = (Atomics.load(words, cell) - position - 1) | 0;
      if (behind < 0) {
        if (this.#losesPatience()) this.#repairHead();
        return undefined;
      }
      if (behind > 0) continue;
      words[intent] = position;
      const found = Atomics.compareExchange(words, MPMC_HEAD, position, (position + 1) | 0);
      if (found !== position) {
        words[intent] = cleared(position);
        continue;
      }
      const at = (position & (this.capacity - 1)) * this.#stride + this.#before;
      const value = this.#records[at] as RecordOf<Kind>;
      const hole = words[cell + HOLE] !== 0;
      if (hole) words[cell + HOLE] = 0;
      // Release: the record has been read.
      Atomics.store(words, cell, (position + this.capacity) | 0);
      this.#impatience = 0;
      this.#room.wake();
      if (!hole) return value;
    }
  }

  /**
   * As `push`, and **blocks the thread** while the queue is full: spinning, then asleep.
   *
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  pushBlocking(value: RecordOf<Kind>, options: BlockingWaitOptions = {}): void {
    if (!this.push(value)) this.#room.block(() => this.push(value), options);
  }

  /** As `pushBlocking`, and the loop goes on meanwhile. */
  async pushAsync(value: RecordOf<Kind>, options: AsyncWaitOptions = {}): Promise<void> {
    if (!this.push(value)) await this.#room.wait(() => this.push(value), options);
  }

  /**
   * As `pop`, and **blocks the thread** while there is none. Undefined when the queue has ended.
   *
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  popBlocking(options: BlockingWaitOptions = {}): RecordOf<Kind> | undefined {
    let value = this.pop();
    if (value !== undefined) return value;
    this.#data.block(() => {
      value = this.pop();
      return value !== undefined || this.ended;
    }, options);
    return value;
  }

  /** As `popBlocking`, and the loop goes on meanwhile. */
  async popAsync(options: AsyncWaitOptions = {}): Promise<RecordOf<Kind> | undefined> {
    let value: RecordOf<Kind> | undefined;
    await this.#data.wait(() => {
      value = this.#closed ? undefined : this.pop();
      return value !== undefined || this.ended;
    }, options);
    return value;
  }

  /** Each record that this participant gets, until the queue has ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordOf<Kind>, void, undefined> {
    for (;;) {
      const value = await this.popAsync();
      if (value === undefined) return;
      yield value;
    }
  }

  /** Records that are in the queue, or on their way in or out. */
  get length(): number {
    const head = Atomics.load(this.#words, MPMC_HEAD);
    const tail = Atomics.load(this.#words, MPMC_TAIL);
    return Math.min(Math.max(0, (tail - head) | 0), this.capacity);
  }

  /** Says that nobody will put anything in any more; what is there can still be taken out. */
  end(): void {
    if (this.#closed) throw this.#shut();
    Atomics.store(this.#words, MPMC_ENDED, 1);
    this.#data.wake();
    this.#room.wake();
  }

  /** `end` was called, and everything has been taken out. */
  get ended(): boolean {
    return this.#closed || (Atomics.load(this.#words, MPMC_ENDED) !== 0 && this.length === 0);
  }

  /** This participant has done; the others go on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.parts.delete(this);
    if (!this.#memory.closed) closeIntents(this.#memory, this.#words);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #losesPatience(): boolean {
    this.#impatience = (this.#impatience + 1) % PATIENCE;
    return this.#impatience === 0;
  }

  /** Whoever claimed the next record to come may have died before it was there. */
  #repairHead(): void {
    const head = Atomics.load(this.#words, MPMC_HEAD);
    if (repair(this.#memory, this.#words, PUT, head)) this.#data.wake();
  }

  /** Whoever claimed the record in the way may have died before it was away. */
  #repairTail(): void {
    const tail = Atomics.load(this.#words, MPMC_TAIL);
    const blocking = (tail - this.capacity) | 0;
    if (repair(this.#memory, this.#words, TAKE, blocking)) this.#room.wake();
  }

  #shut(): SharedError {
    const what = this.#closed ? 'this handle has been closed' : 'the queue has been ended';
    return new SharedError('CLOSED', what);
  }
}
