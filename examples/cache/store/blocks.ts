/** Blocks of many sizes in one mapping, in hugepages where there are any. */
import { Mapping } from 'nearmetal/memory';
import type { Budget } from './budget.js';
import { classOf, classSize, SMALLEST } from './sizes.js';

/** In the word that says what a block holds: nothing. */
const FREE = 0;
const WORD_OF_CONTENTS = 2;
const NO_CLASS = -1;

/**
 * The mapping is cut into pages, and a page into blocks of one size. A block is named by its place:
 * bytes from the start of the mapping, divided by 8. Place 0 is none.
 */
export class Blocks {
  readonly mapping: Mapping;
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly pageBytes: number;
  /** The longest block. */
  readonly largest: number;
  readonly pageCount: number;
  /** Bytes of the blocks that are in use. */
  inUse = 0;
  private readonly budget: Budget;
  private readonly classes: Int8Array;
  private readonly used: Int32Array;
  /** Of each page: the first block that was given back, and the first that was never taken. */
  private readonly firstFree: Int32Array;
  private readonly fresh: Int32Array;
  /** Pages of each class that have room; and pages that are nobody's. */
  private readonly open: number[][] = [];
  private readonly spare: number[] = [];

  constructor(budget: Budget, huge: boolean) {
    this.budget = budget;
    this.pageBytes = 2 ** Math.min(Math.max(Math.floor(Math.log2(budget.max / 128)), 16), 21);
    this.largest = this.pageBytes / 4;
    this.pageCount = Math.floor(budget.max / this.pageBytes);
    const size = this.pageCount * this.pageBytes;
    // A pool that has not enough pages is no error, and nothing is touched before it is needed.
    this.mapping = Mapping.anonymous({
      size,
      populate: false,
      ...(huge ? { hugePage: '2MiB', orElse: 'transparent' } : {}),
      name: 'cache',
    });
    // Those of a pool are reserved, and safe to touch once they are there.
    if (this.mapping.backing === '2MiB') this.mapping.populate();
    const { buffer } = this.mapping.bytes;
    this.bytes = Buffer.from(buffer, 0, size);
    this.words = new Int32Array(buffer, 0, size / 4);
    this.doubles = new Float64Array(buffer, 0, size / 8);
    this.classes = new Int8Array(this.pageCount).fill(NO_CLASS);
    this.used = new Int32Array(this.pageCount);
    this.firstFree = new Int32Array(this.pageCount);
    this.fresh = new Int32Array(this.pageCount);
    for (let page = this.pageCount - 1; page >= 0; page--) this.spare.push(page);
    for (let index = 0; index <= classOf(this.largest); index++) this.open.push([]);
  }

  private pageOf(place: number): number {
    return Math.floor((place * 8) / this.pageBytes);
  }

  /** How many bytes the block at `place` has. */
  room(place: number): number {
    return classSize(this.classes[this.pageOf(place)] as number);
  }

  /** The place of a block with `size` bytes or a few more; 0 when memory is full. */
  take(size: number): number {
    const index = classOf(size);
    const open = this.open[index] as number[];
    const page = open.length > 0 ? (open[open.length - 1] as number) : this.addPage(index);
    if (page < 0) return 0;
    const units = classSize(index) / 8;
    let place = this.firstFree[page] as number;
    if (place !== 0) this.firstFree[page] = this.words[place * 2] as number;
    else {
      place = this.fresh[page] as number;
      this.fresh[page] = place + units;
    }
    this.used[page] = (this.used[page] as number) + 1;
    this.inUse += units * 8;
    if (this.firstFree[page] === 0 && !this.hasFresh(page, units)) open.pop();
    return place;
  }

  private hasFresh(page: number, units: number): boolean {
    return ((this.fresh[page] as number) + units) * 8 <= (page + 1) * this.pageBytes;
  }

  private addPage(index: number): number {
    if (this.spare.length === 0 || !this.budget.has(this.pageBytes)) return -1;
    const page = this.spare.pop() as number;
    this.budget.pages += this.pageBytes;
    this.classes[page] = index;
    this.firstFree[page] = 0;
    this.fresh[page] = page === 0 ? SMALLEST / 8 : (page * this.pageBytes) / 8;
    (this.open[index] as number[]).push(page);
    return page;
  }

  give(place: number): void {
    const page = this.pageOf(place);
    const index = this.classes[page] as number;
    const open = this.open[index] as number[];
    const size = classSize(index);
    const wasFull = this.firstFree[page] === 0 && !this.hasFresh(page, size / 8);
    this.words[place * 2 + WORD_OF_CONTENTS] = FREE;
    this.words[place * 2] = this.firstFree[page] as number;
    this.firstFree[page] = place;
    this.used[page] = (this.used[page] as number) - 1;
    this.inUse -= size;
    if (wasFull) open.push(page);
    // The last page with room stays: one key that comes and goes must not cost a page each time.
    if (this.used[page] === 0 && open.length > 1) this.removePage(page, open);
  }

  private removePage(page: number, open: number[]): void {
    open.splice(open.indexOf(page), 1);
    this.classes[page] = NO_CLASS;
    this.spare.push(page);
    this.budget.pages -= this.pageBytes;
    // Back to the kernel: the bound holds for what is resident, too.
    if (this.mapping.pageSize <= this.pageBytes) {
      this.mapping.advise('dontneed', { offset: page * this.pageBytes, length: this.pageBytes });
    }
  }

  /** Gives back pages without a block in use that were kept. */
  trim(): void {
    for (const open of this.open) {
      for (const page of open.filter((each) => this.used[each] === 0)) this.removePage(page, open);
    }
  }

  /** A page from which blocks can be had by emptying it: the one with the fewest in use. */
  emptiest(): number {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let page = 0; page < this.pageCount; page++) {
      const index = this.classes[page] as number;
      if (index === NO_CLASS) continue;
      const bytes = (this.used[page] as number) * classSize(index);
      if (bytes >= least) continue;
      least = bytes;
      best = page;
    }
    return best;
  }

  /** Places of the blocks of a page that are in use. */
  placesIn(page: number): number[] {
    const places: number[] = [];
    const units = classSize(this.classes[page] as number) / 8;
    const first = page === 0 ? SMALLEST / 8 : (page * this.pageBytes) / 8;
    for (let place = first; place < (this.fresh[page] as number); place += units) {
      if (this.words[place * 2 + WORD_OF_CONTENTS] !== FREE) places.push(place);
    }
    return places;
  }
}
