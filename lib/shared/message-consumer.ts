/** The side of a queue of messages that takes them out. */
import { integer } from '../validate.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import { longestOf, MESSAGE_HEADER, SKIP, spaceOf } from './message-producer.js';
import { ConsumerSide } from './spsc-sides.js';
import type { AsyncWaitOptions, BlockingWaitOptions } from './waiting.js';

/**
 * Takes messages out of a queue. One for each queue.
 *
 * Who takes over from a consumer that ended without `close` may see its last messages again: those
 * whose room it had not given back.
 */
export class MessageConsumer extends ConsumerSide {
  /** Bytes of the longest message. */
  readonly longest: number;
  /** @internal The word behind the length of the message that was taken last. */
  tag = 0;
  readonly #lengths: Int32Array;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Room is given back after so many bytes, or when the queue is found empty. */
  readonly #step: number;
  #released: number;
  #reading = false;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array, at: number, capacity: number) {
    super(memory, words, capacity);
    this.#lengths = new Int32Array(memory.buffer, at, capacity / 4);
    this.#bytes = new Uint8Array(memory.buffer, at, capacity);
    this.#step = capacity >>> 3;
    this.#released = this.head;
    this.longest = longestOf(capacity);
  }

  /** A copy of the next message, or undefined when there is none. */
  pop(): Buffer | undefined {
    const length = this.#next();
    if (length < 0) return undefined;
    const at = this.#payload();
    const copy = Buffer.allocUnsafe(length);
    copy.set(this.#bytes.subarray(at, at + length));
    this.#advance(length);
    return copy;
  }

  /**
   * Calls `visit` with the bytes of the next message where they lie; answers whether there was one.
   * They are the producer's again when `visit` returns: it must not be asynchronous, nor keep them.
   */
  read(visit: (bytes: Uint8Array<ArrayBuffer>) => void): boolean {
    if (this.#reading) throw new TypeError('a message is being read');
    const length = this.#next();
    if (length < 0) return false;
    const at = this.#payload();
    this.#reading = true;
    try {
      visit(this.#bytes.subarray(at, at + length));
    } finally {
      this.#reading = false;
      if (!this.closed) this.#advance(length);
    }
    return true;
  }

  /** As `read`, for each message that is there, at most `limit`; answers how many. */
  drain(visit: (bytes: Uint8Array<ArrayBuffer>) => void, limit: number = 2 ** 30): number {
    integer('limit', limit, 0, 2 ** 30);
    let count = 0;
    while (count < limit && !this.closed && this.read(visit)) count++;
    return count;
  }

  /**
   * As `pop`, and **blocks the thread** while there is none: spinning, then asleep. Undefined when
   * the producer has closed its side and everything has been taken.
   *
   * @throws SharedError `PEER_DIED` when the producer ended without `close`
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  popBlocking(options: BlockingWaitOptions = {}): Buffer | undefined {
    for (;;) {
      const message = this.pop();
      if (message !== undefined) return message;
      if (this.ended) return undefined;
      this.data.block(this.hasData, options);
    }
  }

  /** As `popBlocking`, and the loop goes on meanwhile. */
  async popAsync(options: AsyncWaitOptions = {}): Promise<Buffer | undefined> {
    for (;;) {
      if (this.closed) return undefined;
      const message = this.pop();
      if (message !== undefined) return message;
      if (this.ended) return undefined;
      await this.data.wait(this.hasData, options);
    }
  }

  /** Each message as it comes, until the producer closes its side. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const message = await this.popAsync();
      if (message === undefined) return;
      yield message;
    }
  }

  /** Bytes that are taken, headers and what was skipped among them. */
  get usedBytes(): number {
    return this.fill();
  }

  /** The next message's length, or -1 when there is none. Each word is read once. */
  #next(): number {
    if (this.#reading) throw new TypeError('a message is being read');
    for (;;) {
      if (this.head === this.seen && !this.more()) return -1;
      const there = (this.seen - this.head) | 0;
      const rest = this.capacity - this.#offset();
      const length = this.#lengths[this.#offset() >>> 2] as number;
      const fits = length >= 0 && length <= this.longest && spaceOf(length) <= rest;
      if (fits && spaceOf(length) <= there) {
        this.tag = this.#lengths[(this.#offset() >>> 2) + 1] as number;
        return length;
      }
      if (length !== SKIP || rest > there) {
        throw new SharedError('CORRUPT', `a message of ${length} bytes, where ${there} are`);
      }
      this.head = (this.head + rest) | 0;
    }
  }

  #advance(length: number): void {
    this.head = (this.head + spaceOf(length)) | 0;
    if (((this.head - this.#released) | 0) < this.#step) return;
    this.#released = this.head;
    this.release();
  }

  #offset(): number {
    return this.head & (this.capacity - 1);
  }

  #payload(): number {
    return this.#offset() + MESSAGE_HEADER;
  }
}
