/** Blocks of many sizes: a page has those of one, and goes back when its last block does. */
import { PAGE_BYTES, type Pages } from './pages.js';
import { classOf, classSize } from './sizes.js';

const UNITS_SHIFT = 15;
/** Places in a page. */
const UNITS = 1 << UNITS_SHIFT;
/** A third of a page: less than that of one is waste. */
export const BLOCK_BYTES_MAX = Math.floor(PAGE_BYTES / 3);
const NO_CLASS = -1;

/**
 * A block is named by its place: bytes from the start of the mapping, divided by 8. Place 0 is
 * none. A block whose size is a multiple of 64 bytes that divides a page begins a cache line.
 */
export class Blocks {
  private readonly pages: Pages;
  private readonly words: Int32Array;
  private readonly classes: Int16Array;
  private readonly used: Int32Array;
  /** Of each page: the first block that was given back, and the first that was never taken. */
  private readonly firstFree: Int32Array;
  private readonly fresh: Int32Array;
  /** Pages of each class that have room. */
  private readonly open: number[][];
  /** Bytes of the blocks that are in use. */
  inUse = 0;

  constructor(pages: Pages) {
    this.pages = pages;
    this.words = pages.words;
    this.classes = new Int16Array(pages.count).fill(NO_CLASS);
    this.used = new Int32Array(pages.count);
    this.firstFree = new Int32Array(pages.count);
    this.fresh = new Int32Array(pages.count);
    this.open = Array.from({ length: classOf(BLOCK_BYTES_MAX) + 1 }, () => []);
  }

  /** The place of a block with `size` bytes or a few more. */
  take(size: number): number {
    const index = classOf(size);
    const units = classSize(index) >>> 3;
    const open = this.open[index] as number[];
    const page = open.length > 0 ? (open[open.length - 1] as number) : this.addPage(index, units);
    let place = this.firstFree[page] as number;
    if (place !== 0) this.firstFree[page] = this.words[place << 1] as number;
    else {
      place = this.fresh[page] as number;
      this.fresh[page] = place + units;
    }
    this.used[page] = (this.used[page] as number) + 1;
    this.inUse += units * 8;
    if (this.isFull(page, units)) open.pop();
    return place;
  }

  /** How many bytes the block at `place` has. */
  room(place: number): number {
    return classSize(this.classes[place >>> UNITS_SHIFT] as number);
  }

  give(place: number): void {
    const page = place >>> UNITS_SHIFT;
    const index = this.classes[page] as number;
    const units = classSize(index) >>> 3;
    const open = this.open[index] as number[];
    if (this.isFull(page, units)) open.push(page);
    this.words[place << 1] = this.firstFree[page] as number;
    this.firstFree[page] = place;
    this.used[page] = (this.used[page] as number) - 1;
    this.inUse -= units * 8;
    // The last page with room stays: one block that comes and goes must not cost a page each time.
    if (this.used[page] === 0 && open.length > 1) {
      open.splice(open.indexOf(page), 1);
      this.classes[page] = NO_CLASS;
      this.pages.give(page);
    }
  }

  reset(): void {
    this.classes.fill(NO_CLASS);
    for (const open of this.open) open.length = 0;
    this.inUse = 0;
  }

  private isFull(page: number, units: number): boolean {
    const end = (page + 1) << UNITS_SHIFT;
    return this.firstFree[page] === 0 && (this.fresh[page] as number) + units > end;
  }

  private addPage(index: number, units: number): number {
    const page = this.pages.take();
    this.classes[page] = index;
    this.used[page] = 0;
    this.firstFree[page] = 0;
    // The first place of all is none; units divide it or not, a block more is left out.
    this.fresh[page] = page === 0 ? units : page * UNITS;
    (this.open[index] as number[]).push(page);
    return page;
  }
}
