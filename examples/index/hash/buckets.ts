/**
 * The hash index: buckets of one cache line, which grow in number one by one (linear hashing), so
 * that no change has to wait for all of them to move.
 *
 * A bucket: words 0 to 6 hashes, 7 to 13 places of records, 14 the next bucket of an overflow, 15
 * how many.
 */
import type { Blocks } from '../memory/blocks.js';
import { PAGE_BYTES, type Pages } from '../memory/pages.js';
import type { Records } from '../memory/records.js';

const BUCKET_BYTES = 64;
const WORDS = 16;
const ENTRIES = 7;
const NEXT = 14;
const COUNT = 15;
const PER_PAGE = PAGE_BYTES / BUCKET_BYTES;
const PAGE_SHIFT = Math.log2(PER_PAGE);
const PAGE_MASK = PER_PAGE - 1;
const WORD_SHIFT = Math.log2(PAGE_BYTES / 4);
/** Entries to a bucket before there is one bucket more, and below which there is one less. */
const MANY = 4;
const FEW = 2;
const FIRST_BUCKETS = 64;

export class Buckets {
  private readonly pages: Pages;
  private readonly blocks: Blocks;
  private readonly records: Records;
  private readonly words: Int32Array;
  /** The word where each page of buckets begins. */
  private starts = new Int32Array(64);
  /** Buckets in all, and the power of two that they have passed, less one. */
  private buckets = 0;
  private mask = 0;
  /** Hashes and places of a bucket that is divided or put together, in turn. */
  private readonly moving: number[] = [];
  count = 0;

  constructor(pages: Pages, blocks: Blocks, records: Records) {
    this.pages = pages;
    this.blocks = blocks;
    this.records = records;
    this.words = pages.words;
    this.reset();
  }

  /** Begins anew, after all pages have been taken back. */
  reset(): void {
    this.count = 0;
    this.buckets = 0;
    this.mask = FIRST_BUCKETS - 1;
    while (this.buckets < FIRST_BUCKETS) this.addBucket();
  }

  /** The place of the record that has the key of the one at `key`; 0 when there is none. */
  find(hash: number, key: number): number {
    const { words, records } = this;
    for (let at = this.first(hash); ; ) {
      const count = words[at + COUNT] as number;
      for (let index = at; index < at + count; index++) {
        if (words[index] !== hash) continue;
        const place = words[index + ENTRIES] as number;
        if (records.sameKey(place, key)) return place;
      }
      const next = words[at + NEXT] as number;
      if (next === 0) return 0;
      at = next << 1;
    }
  }

  /** Adds a record whose key is not there. */
  insert(hash: number, place: number): void {
    this.add(hash, place);
    this.count++;
    if (this.count > this.buckets * MANY) this.grow();
  }

  /** Names the record at `place` by another place. */
  replace(hash: number, place: number, other: number): void {
    this.words[this.wordOf(hash, place)] = other;
  }

  remove(hash: number, place: number): void {
    const { words } = this;
    const hole = this.wordOf(hash, place);
    // The last entry of the chain takes its place. The first bucket of all begins at word 0.
    let before = -1;
    let at = this.first(hash);
    for (let next = words[at + NEXT] as number; next !== 0; next = words[at + NEXT] as number) {
      before = at;
      at = next << 1;
    }
    const last = at + (words[at + COUNT] as number) - 1;
    words[hole] = words[last + ENTRIES] as number;
    words[hole - ENTRIES] = words[last] as number;
    words[at + COUNT] = (words[at + COUNT] as number) - 1;
    if (before >= 0 && words[at + COUNT] === 0) {
      words[before + NEXT] = 0;
      this.blocks.give(at >>> 1);
    }
    this.count--;
    if (this.count < this.buckets * FEW && this.buckets > FIRST_BUCKETS) this.shrink();
  }

  private wordOfBucket(bucket: number): number {
    return (this.starts[bucket >>> PAGE_SHIFT] as number) + (bucket & PAGE_MASK) * WORDS;
  }

  /** The word where the bucket of `hash` begins. */
  private first(hash: number): number {
    let bucket = hash & (this.mask * 2 + 1);
    if (bucket >= this.buckets) bucket = hash & this.mask;
    return (this.starts[bucket >>> PAGE_SHIFT] as number) + (bucket & PAGE_MASK) * WORDS;
  }

  /** The word that has `place`, which is there. */
  private wordOf(hash: number, place: number): number {
    const { words } = this;
    for (let at = this.first(hash); ; at = (words[at + NEXT] as number) << 1) {
      const count = words[at + COUNT] as number;
      for (let index = at + ENTRIES; index < at + ENTRIES + count; index++) {
        if (words[index] === place) return index;
      }
    }
  }

  private add(hash: number, place: number): void {
    const { words } = this;
    let at = this.first(hash);
    while (words[at + COUNT] === ENTRIES) {
      if (words[at + NEXT] === 0) {
        const more = this.blocks.take(BUCKET_BYTES);
        words.fill(0, more << 1, (more << 1) + WORDS);
        words[at + NEXT] = more;
      }
      at = (words[at + NEXT] as number) << 1;
    }
    const count = words[at + COUNT] as number;
    words[at + count] = hash;
    words[at + ENTRIES + count] = place;
    words[at + COUNT] = count + 1;
  }

  /** One bucket more; those of the entries of an older one that belong there move. */
  private grow(): void {
    const bucket = this.buckets;
    if (bucket > this.mask * 2 + 1) this.mask = this.mask * 2 + 1;
    this.gather(bucket & this.mask);
    this.addBucket();
    this.scatter();
  }

  /** One bucket less: its entries go back to where they came from. */
  private shrink(): void {
    const bucket = this.buckets - 1;
    if (bucket <= this.mask) this.mask >>>= 1;
    this.gather(bucket);
    this.gather(bucket & this.mask);
    this.buckets--;
    if ((bucket & PAGE_MASK) === 0) {
      this.pages.give((this.starts[bucket >>> PAGE_SHIFT] as number) >>> WORD_SHIFT);
    }
    this.scatter();
  }

  private addBucket(): void {
    const { buckets } = this;
    if ((buckets & PAGE_MASK) === 0) {
      const page = buckets >>> PAGE_SHIFT;
      if (page === this.starts.length) {
        const more = new Int32Array(page * 2);
        more.set(this.starts);
        this.starts = more;
      }
      this.starts[page] = this.pages.take() << WORD_SHIFT;
    }
    const at = this.wordOfBucket(buckets);
    this.words.fill(0, at, at + WORDS);
    this.buckets++;
  }

  /** Empties a bucket into `moving`. */
  private gather(bucket: number): void {
    const { words } = this;
    const first = this.wordOfBucket(bucket);
    for (let at = first; ; ) {
      const count = words[at + COUNT] as number;
      for (let index = at; index < at + count; index++) {
        this.moving.push(words[index] as number, words[index + ENTRIES] as number);
      }
      const next = words[at + NEXT] as number;
      if (at !== first) this.blocks.give(at >>> 1);
      if (next === 0) break;
      at = next << 1;
    }
    words.fill(0, first, first + WORDS);
  }

  private scatter(): void {
    const { moving } = this;
    for (let index = 0; index < moving.length; index += 2) {
      this.add(moving[index] as number, moving[index + 1] as number);
    }
    moving.length = 0;
  }
}
