/** A value of any size that all read without waiting, and that is never seen half written. */
import { bytesView, integer, invalidValue } from '../validate.js';
import { APART_WORDS } from './layout.js';
import type { SharedMemory } from './memory.js';
import { holdLock, releaseLock } from './robust-lock.js';
import { makeSmall, openSmall, SLEEPS, SMALL_WORDS, STATE } from './small.js';
import { type AsyncWaitOptions, type BlockingWaitOptions, Sleepers } from './waiting.js';

const BYTES = 1;
const WRITER = 2;
const SEQUENCE: number = STATE;
const COPIES: number = SMALL_WORDS;
const BYTES_MAX = 2 ** 24;

const copyWords = (bytes: number): number => Math.ceil(bytes / 4 / APART_WORDS) * APART_WORDS;

/**
 * Two copies of a value and a number that says how often it was written: its lowest bit is the copy
 * that counts. A writer fills the other copy and then adds 1; a reader copies and looks whether the
 * number is still the same, or copies again. A writer that dies half-way leaves the old value.
 */
export class SeqLock {
  /** Of the value. */
  readonly byteLength: number;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #sleepers: Sleepers;
  /** The value on its way: the words of a copy are loaded and stored one by one. */
  readonly #value: Int32Array;
  readonly #bytes: Uint8Array;

  private constructor(memory: SharedMemory, words: Int32Array) {
    this.#memory = memory;
    this.#words = words;
    this.byteLength = words[BYTES] as number;
    this.#value = new Int32Array(this.byteLength / 4);
    this.#bytes = new Uint8Array(this.#value.buffer);
    this.#sleepers = new Sleepers(words, SLEEPS, () => memory.needOpen());
  }

  /** Makes a value of so many bytes, a multiple of 4, all zero, in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string, byteLength: number): void {
    integer('byteLength', byteLength, 4, BYTES_MAX);
    if (byteLength % 4 !== 0)
      throw invalidValue('byteLength', 'must be a multiple of 4', byteLength);
    makeSmall(memory, name, 'SEQL', COPIES + 2 * copyWords(byteLength), (words) => {
      words[BYTES] = byteLength;
    });
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): SeqLock {
    const wordsOf = (words: Int32Array) => {
      const bytes = words[BYTES] as number;
      const possible = bytes >= 4 && bytes <= BYTES_MAX && bytes % 4 === 0;
      return possible ? COPIES + 2 * copyWords(bytes) : Number.NaN;
    };
    return new SeqLock(memory, openSmall(memory, name, 'SEQL', 'SeqLock', wordsOf));
  }

  /** How often it has been written, modulo 2^32. */
  get version(): number {
    return Atomics.load(this.#words, SEQUENCE) >>> 0;
  }

  /** Stores a value; two writers take turns. */
  write(source: ArrayBufferView): void {
    this.#memory.needOpen();
    this.#bytes.set(this.#exactly('source', source));
    const words = this.#words;
    holdLock(this.#memory, words, WRITER);
    try {
      const next = (Atomics.load(words, SEQUENCE) + 1) | 0;
      const at = this.#copyOf(next);
      for (let index = 0; index < this.#value.length; index++) {
        Atomics.store(words, at + index, this.#value[index] as number);
      }
      Atomics.store(words, SEQUENCE, next);
    } finally {
      releaseLock(words, WRITER);
    }
    this.#sleepers.wake();
  }

  /** Copies the value into `target`; answers its version. */
  read(target: ArrayBufferView): number {
    this.#memory.needOpen();
    const bytes = this.#exactly('target', target);
    const words = this.#words;
    for (;;) {
      const sequence = Atomics.load(words, SEQUENCE);
      const at = this.#copyOf(sequence);
      // Each an acquire: none of them is done after the last look at the sequence.
      for (let index = 0; index < this.#value.length; index++) {
        this.#value[index] = Atomics.load(words, at + index);
      }
      if (Atomics.load(words, SEQUENCE) !== sequence) continue;
      bytes.set(this.#bytes);
      return sequence >>> 0;
    }
  }

  /**
   * **Blocks the thread** until the value is of another version than `version`.
   *
   * @errno ETIMEDOUT `timeoutMs` are over
   * @man futex(2)
   */
  changeBlocking(version: number, options: BlockingWaitOptions = {}): void {
    this.#sleepers.block(() => this.version !== version, options);
  }

  /** As `changeBlocking`, and the loop goes on meanwhile. */
  async changeAsync(version: number, options: AsyncWaitOptions = {}): Promise<void> {
    await this.#sleepers.wait(() => this.version !== version, options);
  }

  #copyOf(sequence: number): number {
    return COPIES + (sequence & 1) * copyWords(this.byteLength);
  }

  #exactly(name: string, view: ArrayBufferView): Uint8Array {
    const { buffer, byteOffset, byteLength } = bytesView(name, view);
    if (byteLength === this.byteLength) return new Uint8Array(buffer, byteOffset, byteLength);
    throw invalidValue(name, `must have ${this.byteLength} bytes`, view);
  }
}
