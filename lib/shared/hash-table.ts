/** The table of a map in shared memory: buckets of chained entries, and their versions. */
import { SharedError } from './errors.js';
import { APART_WORDS } from './layout.js';

/** The header; the count of keys is on lines of its own, as is all that follows. */
export const TABLE_WORDS: number = 2 * APART_WORDS;
const COUNT: number = APART_WORDS;
/** Where the search for a free entry begins. */
const CURSOR: number = APART_WORDS + 1;

/** An entry: its version, which is odd while it is in use, and what it is. */
const VERSION = 0;
const NEXT = 1;
const HASH = 2;
const KEY_LENGTH = 3;
const VALUE_LENGTH = 4;
const KEY = 5;

export interface TableShape {
  /** A power of two. */
  readonly buckets: number;
  readonly entries: number;
  readonly keyWords: number;
  readonly valueWords: number;
  readonly seed: number;
}

const entryWords = ({ keyWords, valueWords }: TableShape): number => KEY + keyWords + valueWords;

export const tableWords = (shape: TableShape): number =>
  TABLE_WORDS + shape.buckets + shape.entries * entryWords(shape);

/** What changes in the memory while it is read is looked at again, but not for ever. */
const RETRIES_MAX = 1_000_000;

/** Bytes, and the words that they are. */
class Scratch {
  readonly words: Int32Array;
  readonly bytes: Uint8Array;

  constructor(words: number) {
    this.words = new Int32Array(words);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  /** The rest of the last word is 0. Answers how many words count. */
  set(bytes: Uint8Array): number {
    const words = Math.ceil(bytes.length / 4);
    this.words.fill(0, 0, words);
    this.bytes.set(bytes);
    return words;
  }
}

/**
 * All words are loaded and stored by Atomics. An entry that can be reached is never changed, but
 * for its link: who replaces a value makes a new entry, and one store of a link takes it in.
 */
export class HashTable {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly #words: Int32Array;
  readonly #shape: TableShape;
  readonly #firstEntry: number;
  readonly #entryWords: number;
  readonly #key: Scratch;
  readonly #value: Scratch;

  constructor(words: Int32Array, shape: TableShape) {
    this.#words = words;
    this.#shape = shape;
    this.#firstEntry = TABLE_WORDS + shape.buckets;
    this.#entryWords = entryWords(shape);
    this.#key = new Scratch(shape.keyWords);
    this.#value = new Scratch(shape.valueWords);
    this.keyBytes = shape.keyWords * 4;
    this.valueBytes = shape.valueWords * 4;
  }

  get size(): number {
    return Atomics.load(this.#words, COUNT);
  }

  /** What `read` found. */
  get value(): Uint8Array {
    return this.#value.bytes;
  }

  /** Copies a key's value into `value`; answers its length, or -1. Takes no lock. */
  read(key: Uint8Array): number {
    const keyWords = this.#key.set(key);
    const hash = this.#hash(keyWords, key.length);
    for (let retry = 0; retry < RETRIES_MAX; retry++) {
      const found = this.#tryRead(hash, key.length, keyWords);
      if (found !== undefined) return found;
    }
    throw new SharedError('CORRUPT', 'a chain of the map does not hold still');
  }

  /** As `read`; undefined when somebody changed what was looked at. */
  #tryRead(hash: number, keyLength: number, keyWords: number): number | undefined {
    const words = this.#words;
    let link = this.#bucket(hash);
    let linkOwner = -1;
    let linkVersion = 0;
    for (let hops = 0; hops <= this.#shape.entries; hops++) {
      const entry = Atomics.load(words, link);
      const at = this.#at(entry);
      const version = entry === 0 ? 0 : Atomics.load(words, at + VERSION);
      // Whatever the link says is in the chain, if what the link is in still is, and says it still.
      if (linkOwner >= 0 && Atomics.load(words, linkOwner + VERSION) !== linkVersion)
        return undefined;
      if (Atomics.load(words, link) !== entry) return undefined;
      if (entry === 0) return -1;
      if ((version & 1) === 0) return undefined;
      if (this.#hasKey(at, hash, keyLength, keyWords)) {
        const length = Atomics.load(words, at + VALUE_LENGTH);
        const from = at + KEY + this.#shape.keyWords;
        const count = Math.min(this.#shape.valueWords, Math.ceil(Math.max(0, length) / 4));
        for (let index = 0; index < count; index++) {
          this.#value.words[index] = Atomics.load(words, from + index);
        }
        if (Atomics.load(words, at + VERSION) !== version) return undefined;
        return Math.min(Math.max(0, length), this.valueBytes);
      }
      link = at + NEXT;
      linkOwner = at;
      linkVersion = version;
    }
    return undefined;
  }

  // --- with the lock held ------------------------------------------------------------------------

  /** False when there is no room. */
  put(key: Uint8Array, value: Uint8Array): boolean {
    const words = this.#words;
    const keyWords = this.#key.set(key);
    const hash = this.#hash(keyWords, key.length);
    const link = this.#find(hash, key.length, keyWords);
    const old = Atomics.load(words, link);
    if (old === 0 && this.size >= this.#shape.entries - 1) return false;
    const entry = this.#free();
    if (entry === 0) return false;
    const at = this.#at(entry);
    const next = old === 0 ? 0 : Atomics.load(words, this.#at(old) + NEXT);
    this.#fill(at, hash, key.length, keyWords, value, next);
    Atomics.store(words, link, entry);
    if (old === 0) Atomics.add(words, COUNT, 1);
    else Atomics.add(words, this.#at(old) + VERSION, 1);
    return true;
  }

  remove(key: Uint8Array): boolean {
    const words = this.#words;
    const keyWords = this.#key.set(key);
    const link = this.#find(this.#hash(keyWords, key.length), key.length, keyWords);
    const entry = Atomics.load(words, link);
    if (entry === 0) return false;
    Atomics.store(words, link, Atomics.load(words, this.#at(entry) + NEXT));
    Atomics.add(words, this.#at(entry) + VERSION, 1);
    Atomics.sub(words, COUNT, 1);
    return true;
  }

  /** Makes good what a writer left that died: entries in use that no chain has, and the count. */
  mend(): void {
    const words = this.#words;
    const reached = new Uint8Array(this.#shape.entries + 1);
    let count = 0;
    for (let bucket = 0; bucket < this.#shape.buckets; bucket++) {
      let entry = Atomics.load(words, TABLE_WORDS + bucket);
      while (entry !== 0 && reached[entry] === 0) {
        reached[entry] = 1;
        count++;
        entry = Atomics.load(words, this.#at(entry) + NEXT);
      }
    }
    for (let entry = 1; entry <= this.#shape.entries; entry++) {
      const inUse = (Atomics.load(words, this.#at(entry) + VERSION) & 1) === 1;
      if (inUse && reached[entry] === 0) Atomics.add(words, this.#at(entry) + VERSION, 1);
    }
    Atomics.store(words, COUNT, count);
  }

  /** The link to the entry of a key, or the one that is 0 at the end of its chain. */
  #find(hash: number, keyLength: number, keyWords: number): number {
    let link = this.#bucket(hash);
    for (let hops = 0; hops <= this.#shape.entries; hops++) {
      const entry = Atomics.load(this.#words, link);
      if (entry === 0 || this.#hasKey(this.#at(entry), hash, keyLength, keyWords)) return link;
      link = this.#at(entry) + NEXT;
    }
    throw new SharedError('CORRUPT', 'a chain of the map has no end');
  }

  #fill(
    at: number,
    hash: number,
    keyLength: number,
    keyWords: number,
    value: Uint8Array,
    next: number,
  ): void {
    const words = this.#words;
    Atomics.store(words, at + NEXT, next);
    Atomics.store(words, at + HASH, hash);
    Atomics.store(words, at + KEY_LENGTH, keyLength);
    Atomics.store(words, at + VALUE_LENGTH, value.length);
    for (let index = 0; index < keyWords; index++) {
      Atomics.store(words, at + KEY + index, this.#key.words[index] as number);
    }
    const valueWords = this.#value.set(value);
    for (let index = 0; index < valueWords; index++) {
      const to = at + KEY + this.#shape.keyWords + index;
      Atomics.store(words, to, this.#value.words[index] as number);
    }
    Atomics.add(words, at + VERSION, 1);
  }

  /** An entry that is not in use; 0 when there is none. */
  #free(): number {
    const { entries } = this.#shape;
    const start = Atomics.load(this.#words, CURSOR) >>> 0;
    for (let count = 0; count < entries; count++) {
      const entry = ((start + count) % entries) + 1;
      if ((Atomics.load(this.#words, this.#at(entry) + VERSION) & 1) === 1) continue;
      Atomics.store(this.#words, CURSOR, entry % entries);
      return entry;
    }
    return 0;
  }

  // --- places ------------------------------------------------------------------------------------

  #hasKey(at: number, hash: number, keyLength: number, keyWords: number): boolean {
    if (Atomics.load(this.#words, at + HASH) !== hash) return false;
    if (Atomics.load(this.#words, at + KEY_LENGTH) !== keyLength) return false;
    for (let index = 0; index < keyWords; index++) {
      if (Atomics.load(this.#words, at + KEY + index) !== this.#key.words[index]) return false;
    }
    return true;
  }

  /** FNV-1a over words, then mixed: the low bits choose the bucket. */
  #hash(keyWords: number, length: number): number {
    let hash = this.#shape.seed ^ length;
    for (let index = 0; index < keyWords; index++) {
      hash = Math.imul(hash ^ (this.#key.words[index] as number), 0x0100_0193);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    return hash ^ (hash >>> 13);
  }

  #bucket(hash: number): number {
    return TABLE_WORDS + (hash & (this.#shape.buckets - 1));
  }

  /** Where an entry is, counted from 1. */
  #at(entry: number): number {
    if (entry < 0 || entry > this.#shape.entries) {
      throw new SharedError('CORRUPT', `the map has no entry ${entry}`);
    }
    return this.#firstEntry + (entry - 1) * this.#entryWords;
  }
}
