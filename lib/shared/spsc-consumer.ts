/** The side of a queue of records that takes them out. */
import { integer } from '../validate.js';
import type { SharedMemory } from './memory.js';
import type { RecordKind, RecordOf, RecordsOf } from './records.js';
import { ConsumerSide } from './spsc-sides.js';
import type { AsyncWaitOptions, BlockingWaitOptions } from './waiting.js';

type Records = { [index: number]: unknown; readonly length: number };

/** Room is given back after so many records, or when the queue is found empty. */
const RELEASE = 32;

/**
 * Takes records out of a queue: each by a plain load, and their room is given back together. One
 * for each queue.
 *
 * Who takes over from a consumer that ended without `close` may see its last records again: those
 * whose room it had not given back.
 */
export class SpscConsumer<Kind extends RecordKind = RecordKind> extends ConsumerSide {
  readonly record: Kind;
  readonly #records: Records;
  readonly #mask: number;
  readonly #releaseMask: number;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array, records: RecordsOf<Kind>, record: Kind) {
    super(memory, words, records.length);
    this.#records = records as unknown as Records;
    this.#mask = records.length - 1;
    this.#releaseMask = Math.max(1, Math.min(RELEASE, records.length >>> 2)) - 1;
    this.record = record;
  }

  /** The next record, or undefined when the queue is empty. */
  pop(): RecordOf<Kind> | undefined {
    const head = this.head;
    if (head === this.seen && !this.more()) return undefined;
    const value = this.#records[head & this.#mask] as RecordOf<Kind>;
    const next = (head + 1) | 0;
    this.head = next;
    if ((next & this.#releaseMask) === 0) this.release();
    return value;
  }

  /** Fills `target` with what is there, from `start` on; answers how many. */
  popMany(target: RecordsOf<Kind>, start = 0): number {
    const into = target as unknown as Records;
    const wanted = into.length - integer('start', start, 0, into.length);
    if (((this.seen - this.head) | 0) < wanted) this.more();
    const count = Math.min(wanted, (this.seen - this.head) | 0);
    const records = this.#records;
    const mask = this.#mask;
    const head = this.head;
    for (let index = 0; index < count; index++) {
      into[start + index] = records[(head + index) & mask];
    }
    this.head = (head + count) | 0;
    if (count > 0) this.release();
    return count;
  }

  /** Calls `visit` with each record that is there, at most `limit`; answers how many. */
  drain(visit: (value: RecordOf<Kind>) => void, limit: number = this.capacity): number {
    integer('limit', limit, 0, this.capacity);
    let count = 0;
    for (; count < limit && !this.closed; count++) {
      const head = this.head;
      if (head === this.seen && !this.more()) break;
      const value = this.#records[head & this.#mask] as RecordOf<Kind>;
      this.head = (head + 1) | 0;
      visit(value);
    }
    if (count > 0 && !this.closed) this.release();
    return count;
  }

  /**
   * As `pop`, and **blocks the thread** while the queue is empty: spinning, then asleep. Undefined
   * when the producer has closed its side and everything has been taken.
   *
   * @throws SharedError `PEER_DIED` when the producer ended without `close`
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  popBlocking(options: BlockingWaitOptions = {}): RecordOf<Kind> | undefined {
    for (;;) {
      const value = this.pop();
      if (value !== undefined) return value;
      if (this.ended) return undefined;
      this.data.block(this.hasData, options);
    }
  }

  /** As `popBlocking`, and the loop goes on meanwhile. */
  async popAsync(options: AsyncWaitOptions = {}): Promise<RecordOf<Kind> | undefined> {
    for (;;) {
      if (this.closed) return undefined;
      const value = this.pop();
      if (value !== undefined) return value;
      if (this.ended) return undefined;
      await this.data.wait(this.hasData, options);
    }
  }

  /** Each record as it comes, until the producer closes its side. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordOf<Kind>, void, undefined> {
    for (;;) {
      const value = await this.popAsync();
      if (value === undefined) return;
      yield value;
    }
  }

  /** Records that are in the queue. */
  get length(): number {
    return this.fill();
  }
}
