/** The side of a queue of messages that puts them in. */
import { bytesView, integer, invalidType } from '../validate.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import { ProducerSide } from './spsc-sides.js';
import type { AsyncWaitOptions, BlockingWaitOptions } from './waiting.js';

/** Before each message: its length, and a tag, which is 0 in all but channels. */
export const MESSAGE_HEADER = 8;
/** In place of a length: nothing comes before the start of the buffer. */
export const SKIP: number = -1;

/** What a message takes of the buffer: whole eights, so that each begins at one. */
export const spaceOf = (length: number): number => (length + MESSAGE_HEADER + 7) & ~7;
/** Either it fits behind the last one, or before the first one once the queue is empty. */
export const longestOf = (capacity: number): number => capacity / 2 - MESSAGE_HEADER;

/** A message: bytes, or text to be sent as UTF-8. */
export type Message = ArrayBufferView | string;

/** Puts messages into a queue. One for each queue. */
export class MessageProducer extends ProducerSide {
  /** Bytes of the longest message. */
  readonly longest: number;
  readonly #lengths: Int32Array;
  readonly #bytes: Buffer;
  /** Bytes that `claim` has given out; -1 for none. */
  #claimed = -1;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array, at: number, capacity: number) {
    super(memory, words, capacity);
    this.#lengths = new Int32Array(memory.buffer, at, capacity / 4);
    this.#bytes = Buffer.from(memory.buffer, at, capacity);
    this.longest = longestOf(capacity);
  }

  /** Puts a message in and shows it to the consumer; false when there is no room for it. */
  push(message: Message): boolean {
    return this.pushTagged(message, 0);
  }

  /** @internal As `push`, with the word behind the length. */
  pushTagged(message: Message, tag: number): boolean {
    if (!this.#put(message, tag)) return false;
    this.publish();
    return true;
  }

  /** Puts a message in, for a later `publish` to show with others; false when there is no room. */
  stage(message: Message): boolean {
    return this.#put(message, 0);
  }

  #put(message: Message, tag: number): boolean {
    const length = typeof message === 'string' ? Buffer.byteLength(message) : lengthOf(message);
    const at = this.#place(length);
    if (at < 0) return false;
    if (typeof message === 'string') this.#bytes.write(message, at, length);
    else this.#bytes.set(bytesOf(message), at);
    this.#seal(length, tag);
    return true;
  }

  /**
   * Room for a message of `length` bytes, to be written in place and then sent by `commit`;
   * undefined when there is none. Another `claim`, `push` or `stage` before that takes it back.
   */
  claim(length: number): Uint8Array<ArrayBuffer> | undefined {
    const at = this.#place(integer('length', length, 0, this.longest));
    if (at < 0) return undefined;
    this.#claimed = length;
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer as ArrayBuffer, byteOffset + at, length);
  }

  /** Sends what was written where `claim` said: all of it, or its first `length` bytes. */
  commit(length: number = Math.max(0, this.#claimed)): void {
    if (this.#claimed < 0) throw new TypeError('nothing has been claimed');
    this.#seal(integer('length', length, 0, this.#claimed), 0);
    this.publish();
  }

  /**
   * As `push`, and **blocks the thread** while there is no room: spinning, then asleep.
   *
   * @throws SharedError `PEER_DIED` when the consumer ended, `CLOSED` when it has closed its side
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  pushBlocking(message: Message, options: BlockingWaitOptions = {}): void {
    while (!this.push(message)) {
      this.room.block(this.hasRoom, options);
      this.needConsumer();
    }
  }

  /** As `pushBlocking`, and the loop goes on meanwhile. The message must not change before. */
  async pushAsync(message: Message, options: AsyncWaitOptions = {}): Promise<void> {
    while (!this.push(message)) {
      await this.room.wait(this.hasRoom, options);
      this.needConsumer();
    }
  }

  /** Bytes that are taken, headers and what was skipped among them. */
  get usedBytes(): number {
    return this.fill();
  }

  /** Where a message of `length` bytes goes; -1 when there is no room. */
  #place(length: number): number {
    if (length > this.longest) integer('message.byteLength', length, 0, this.longest);
    this.#claimed = -1;
    if (this.memory.closed) throw new SharedError('CLOSED', 'the shared memory has been closed');
    const offset = this.tail & (this.capacity - 1);
    const rest = this.capacity - offset;
    const space = spaceOf(length);
    const skipped = space > rest ? rest : 0;
    if (((this.limit - this.tail) | 0) < skipped + space && !this.makeRoom(skipped + space)) {
      return -1;
    }
    if (skipped === 0) return offset + MESSAGE_HEADER;
    // Not published yet: the consumer sees it with the message behind it.
    this.#lengths[offset >>> 2] = SKIP;
    this.tail = (this.tail + skipped) | 0;
    return MESSAGE_HEADER;
  }

  #seal(length: number, tag: number): void {
    const word = (this.tail & (this.capacity - 1)) >>> 2;
    this.#lengths[word] = length;
    this.#lengths[word + 1] = tag;
    this.tail = (this.tail + spaceOf(length)) | 0;
    this.#claimed = -1;
  }
}

function lengthOf(message: unknown): number {
  if (message instanceof Uint8Array && message.byteLength > 0) return message.byteLength;
  if (!ArrayBuffer.isView(message)) {
    throw invalidType('message', 'a Buffer, TypedArray, DataView or string', message);
  }
  return bytesView('message', message).byteLength;
}

function bytesOf(message: ArrayBufferView): Uint8Array {
  if (message instanceof Uint8Array) return message;
  return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
}
