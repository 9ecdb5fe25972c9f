/** A map from keys to values of bytes: read without a lock, written under one. */
import { isPowerOfTwo } from '../units.js';
import { bytesView, integer, invalidType, onlyKeys, outOfRange } from '../validate.js';
import { SharedError } from './errors.js';
import { HashTable, TABLE_WORDS, type TableShape, tableWords } from './hash-table.js';
import { kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';
import { holdLock, releaseLock } from './robust-lock.js';

const KIND: number = kindCode('HMAP');
const BUCKETS = 1;
const ENTRIES = 2;
const KEY_WORDS = 3;
const VALUE_WORDS = 4;
const SEED = 5;
const LOCK = 6;
const CAPACITY_MAX = 2 ** 24;
const BYTES_MAX = 2 ** 16;
const WORDS_MAX = 2 ** 30;

export interface HashMapOptions {
  /** How many keys there can be. */
  capacity: number;
  /** Bytes of the longest key, in UTF-8 where it is text. */
  keyBytes: number;
  /** Bytes of the longest value. */
  valueBytes: number;
}

function shapeOf(words: Int32Array): TableShape {
  return {
    buckets: words[BUCKETS] as number,
    entries: words[ENTRIES] as number,
    keyWords: words[KEY_WORDS] as number,
    valueWords: words[VALUE_WORDS] as number,
    seed: words[SEED] as number,
  };
}

function isPossible(shape: TableShape, words: Int32Array): boolean {
  const { buckets, entries, keyWords, valueWords } = shape;
  const counts = [entries, keyWords, valueWords].every((count) => count >= 1);
  return counts && isPowerOfTwo(buckets) && tableWords(shape) <= words.length;
}

/** Text or bytes. */
export type Key = string | Uint8Array;

/**
 * A map of a fixed capacity. Readers never wait: they may look again when a writer was there at the
 * same time. Writers take turns; each change is one store, so that a writer that dies leaves the
 * old value or the new one.
 */
export class SharedHashMap {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #table: HashTable;

  private constructor(memory: SharedMemory, words: Int32Array, shape: TableShape) {
    this.#memory = memory;
    this.#words = words;
    this.#table = new HashTable(words, shape);
  }

  /** Makes a map in `memory`, where it stays. */
  static create(memory: SharedMemory, name: string, options: HashMapOptions): void {
    onlyKeys('options', options, ['capacity', 'keyBytes', 'valueBytes']);
    const capacity = integer('capacity', options.capacity, 1, CAPACITY_MAX);
    const keyBytes = integer('keyBytes', options.keyBytes, 1, BYTES_MAX);
    const valueBytes = integer('valueBytes', options.valueBytes, 1, BYTES_MAX);
    const shape: TableShape = {
      buckets: 2 ** Math.ceil(Math.log2(capacity)),
      // One more, so that the value of a key can be replaced when all are there.
      entries: capacity + 1,
      keyWords: Math.ceil(keyBytes / 4),
      valueWords: Math.ceil(valueBytes / 4),
      seed: (Math.random() * 2 ** 32) | 0,
    };
    const words = integer('capacity', tableWords(shape), 0, WORDS_MAX);
    memory.add(name, KIND, words * 4, (offset) => {
      const header = new Int32Array(memory.buffer, offset, TABLE_WORDS);
      const { buckets, entries, keyWords, valueWords, seed } = shape;
      header.set([KIND, buckets, entries, keyWords, valueWords, seed]);
    });
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): SharedHashMap {
    const { offset, bytes } = memory.find(name, KIND, 'SharedHashMap');
    const words = new Int32Array(memory.buffer, offset, bytes / 4);
    const shape = shapeOf(words);
    if (words[0] === KIND && isPossible(shape, words)) {
      return new SharedHashMap(memory, words, shape);
    }
    throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
  }

  /** A copy of a key's value; undefined when there is none. */
  get(key: Key): Buffer | undefined {
    this.#memory.needOpen();
    const length = this.#table.read(this.#keyOf(key));
    return length < 0 ? undefined : Buffer.from(this.#table.value.subarray(0, length));
  }

  has(key: Key): boolean {
    this.#memory.needOpen();
    return this.#table.read(this.#keyOf(key)) >= 0;
  }

  /** Gives a key a value, in place of the one that it had. False when the map is full. */
  set(key: Key, value: ArrayBufferView): boolean {
    const name = this.#keyOf(key);
    const { buffer, byteOffset, byteLength } = bytesView('value', value);
    if (byteLength > this.#table.valueBytes) {
      throw outOfRange('value.byteLength', `<= ${this.#table.valueBytes}`, byteLength);
    }
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    return this.#locked(() => this.#table.put(name, bytes));
  }

  /** Answers whether the key was there. */
  delete(key: Key): boolean {
    const name = this.#keyOf(key);
    return this.#locked(() => this.#table.remove(name));
  }

  /** How many keys there are. */
  get size(): number {
    this.#memory.needOpen();
    return this.#table.size;
  }

  #locked(change: () => boolean): boolean {
    this.#memory.needOpen();
    const abandoned = holdLock(this.#memory, this.#words, LOCK);
    try {
      if (abandoned) this.#table.mend();
      return change();
    } finally {
      releaseLock(this.#words, LOCK);
    }
  }

  #keyOf(key: unknown): Uint8Array {
    const bytes = typeof key === 'string' ? Buffer.from(key) : key;
    if (!(bytes instanceof Uint8Array)) throw invalidType('key', 'a string or Uint8Array', key);
    if (bytes.length >= 1 && bytes.length <= this.#table.keyBytes) return bytes;
    throw outOfRange('key.length', `>= 1 && <= ${this.#table.keyBytes} bytes`, bytes.length);
  }
}
