/** The sides of a broadcast ring: the one that writes, and those that read. */
import { itBelongsToItsThread } from '../uncloneable.js';
import { bytesView, invalidValue } from '../validate.js';
import {
  CAST_BEGUN,
  CAST_CAPACITY,
  CAST_ENDED,
  CAST_RECORDS,
  CAST_SLEEPS,
  CAST_TAIL,
  CAST_WORDS,
  CAST_WRITER,
} from './cast.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import { leavePart, needPeer } from './spsc.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

/** One record on its way: its words are stored and loaded one by one, its bytes are the user's. */
class Record {
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(words: number) {
    this.words = new Int32Array(words);
    this.#bytes = new Uint8Array(this.words.buffer);
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  take(source: ArrayBufferView): void {
    this.#bytes.set(this.view('source', source));
  }

  give(target: Uint8Array): void {
    target.set(this.#bytes);
  }

  view(name: string, view: ArrayBufferView): Uint8Array {
    const { buffer, byteOffset, byteLength } = bytesView(name, view);
    if (byteLength === this.#bytes.length) return new Uint8Array(buffer, byteOffset, byteLength);
    throw invalidValue(name, `must have ${this.#bytes.length} bytes`, view);
  }
}

/** Writes records for all readers. One for each ring. */
export class BroadcastWriter implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly recordBytes: number;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #record: Record;
  readonly #sleepers: Sleepers;
  #closed = false;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#mask = (words[CAST_CAPACITY] as number) - 1;
    this.#record = new Record(words[CAST_WORDS] as number);
    this.recordBytes = this.#record.byteLength;
    this.#sleepers = new Sleepers(words, CAST_SLEEPS, () => {});
    Atomics.store(words, CAST_ENDED, 0);
    memory.parts.add(this);
  }

  /** Writes a record of exactly `recordBytes`; nobody has to read it. */
  push(record: ArrayBufferView): void {
    if (this.#closed) throw new SharedError('CLOSED', 'this side of the ring has been closed');
    this.#record.take(record);
    const words = this.#words;
    const value = this.#record.words;
    const tail = Atomics.load(words, CAST_TAIL);
    const at = CAST_RECORDS + (tail & this.#mask) * value.length;
    // Said before it is done: who reads the oldest record sees that it is being replaced.
    Atomics.store(words, CAST_BEGUN, (tail + 1) | 0);
    for (let index = 0; index < value.length; index++) {
      Atomics.store(words, at + index, value[index] as number);
    }
    Atomics.store(words, CAST_TAIL, (tail + 1) | 0);
    this.#sleepers.wake();
  }

  /** Tells the readers that this is the end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.parts.delete(this);
    if (this.#memory.closed) return;
    Atomics.store(this.#words, CAST_ENDED, 1);
    leavePart(this.#memory, this.#words, CAST_WRITER);
    this.#sleepers.wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Reads records, from those on that were written after it was made. */
export class BroadcastReader {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly recordBytes: number;
  /** Records that were overwritten before they had been read. */
  lost = 0;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #capacity: number;
  readonly #record: Record;
  readonly #sleepers: Sleepers;
  #position: number;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.#capacity = words[CAST_CAPACITY] as number;
    this.#record = new Record(words[CAST_WORDS] as number);
    this.recordBytes = this.#record.byteLength;
    this.#position = Atomics.load(words, CAST_TAIL);
    const look = () => needPeer(memory, words, CAST_WRITER, 'writer');
    this.#sleepers = new Sleepers(words, CAST_SLEEPS, look);
  }

  /** Copies the next record into `target`; false when there is none. Look at `lost`, too. */
  read(target: ArrayBufferView): boolean {
    this.#memory.needOpen();
    const bytes = this.#record.view('target', target);
    const value = this.#record.words;
    const words = this.#words;
    for (;;) {
      if (Atomics.load(words, CAST_TAIL) === this.#position) return false;
      const place = this.#position & (this.#capacity - 1);
      const at = CAST_RECORDS + place * value.length;
      // Each an acquire: none of them is done after the look at what was begun.
      for (let index = 0; index < value.length; index++) {
        value[index] = Atomics.load(words, at + index);
      }
      const behind = (Atomics.load(words, CAST_BEGUN) - this.#position) >>> 0;
      if (behind <= this.#capacity) break;
      this.#skip();
    }
    this.#position = (this.#position + 1) | 0;
    this.#record.give(bytes);
    return true;
  }

  /**
   * As `read`, and **blocks the thread** while there is none. False when the writer has closed its
   * side and all has been read.
   *
   * @throws SharedError `PEER_DIED` when the writer ended without `close`
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  readBlocking(target: ArrayBufferView, options: BlockingWaitOptions = {}): boolean {
    if (this.read(target)) return true;
    if (!this.ended) this.#sleepers.block(() => this.#ready(), options);
    return this.read(target);
  }

  /** As `readBlocking`, and the loop goes on meanwhile. */
  async readAsync(target: ArrayBufferView, options: AsyncWaitOptions = {}): Promise<boolean> {
    if (this.read(target)) return true;
    await this.#sleepers.wait(() => this.#ready(), options);
    return this.read(target);
  }

  /** The writer has closed its side, and all has been read. */
  get ended(): boolean {
    const ended = Atomics.load(this.#words, CAST_ENDED) !== 0;
    return ended && Atomics.load(this.#words, CAST_TAIL) === this.#position;
  }

  #ready(): boolean {
    return Atomics.load(this.#words, CAST_TAIL) !== this.#position || this.ended;
  }

  /**
   * Goes on in the middle of what is there, so that the next is not lost at once: of what has been
   * published, since one that is only begun cannot be read yet.
   */
  #skip(): void {
    const behind = (Atomics.load(this.#words, CAST_TAIL) - this.#position) >>> 0;
    const skipped = behind - (this.#capacity >>> 1);
    this.lost += skipped;
    this.#position = (this.#position + skipped) | 0;
  }
}
