/** The side of a queue of records that puts them in. */
import { integer } from '../validate.js';
import type { SharedMemory } from './memory.js';
import type { RecordKind, RecordOf, RecordsOf } from './records.js';
import { ProducerSide } from './spsc-sides.js';
import type { AsyncWaitOptions, BlockingWaitOptions } from './waiting.js';

/** Any typed array, for those who do not know the kind. */
type Records = { [index: number]: unknown; readonly length: number };

/**
 * Puts records into a queue: each by a plain store, and published with others by one atomic store.
 * One for each queue.
 */
export class SpscProducer<Kind extends RecordKind = RecordKind> extends ProducerSide {
  readonly record: Kind;
  readonly #records: Records;
  readonly #mask: number;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array, records: RecordsOf<Kind>, record: Kind) {
    super(memory, words, records.length);
    this.#records = records as unknown as Records;
    this.#mask = records.length - 1;
    this.record = record;
  }

  /** Puts a record in and shows it to the consumer; false when the queue is full. */
  push(value: RecordOf<Kind>): boolean {
    if (!this.stage(value)) return false;
    this.publish();
    return true;
  }

  /**
   * Puts a record in, for a later `publish` to show with others; false when the queue is full.
   * What a full queue holds is published.
   */
  stage(value: RecordOf<Kind>): boolean {
    const tail = this.tail;
    if (tail === this.limit && !this.makeRoom(1)) return false;
    this.#records[tail & this.#mask] = value;
    this.tail = (tail + 1) | 0;
    return true;
  }

  /** Puts in as many as there is room for, and shows them; answers how many, from `start` on. */
  pushMany(source: ArrayLike<RecordOf<Kind>>, start = 0): number {
    const wanted = source.length - integer('start', start, 0, source.length);
    if (((this.limit - this.tail) | 0) < wanted) this.makeRoom(wanted);
    const count = Math.min(wanted, (this.limit - this.tail) | 0);
    const records = this.#records;
    const mask = this.#mask;
    const tail = this.tail;
    for (let index = 0; index < count; index++) {
      records[(tail + index) & mask] = source[start + index];
    }
    this.tail = (tail + count) | 0;
    if (count > 0) this.publish();
    return count;
  }

  /**
   * As `push`, and **blocks the thread** while the queue is full: spinning, then asleep.
   *
   * @throws SharedError `PEER_DIED` when the consumer ended, `CLOSED` when it has closed its side
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  pushBlocking(value: RecordOf<Kind>, options: BlockingWaitOptions = {}): void {
    while (!this.push(value)) {
      this.room.block(this.hasRoom, options);
      this.needConsumer();
    }
  }

  /** As `pushBlocking`, and the loop goes on meanwhile. */
  async pushAsync(value: RecordOf<Kind>, options: AsyncWaitOptions = {}): Promise<void> {
    while (!this.push(value)) {
      await this.room.wait(this.hasRoom, options);
      this.needConsumer();
    }
  }

  /** Records that are in the queue, staged ones among them. */
  get length(): number {
    return this.fill();
  }
}
