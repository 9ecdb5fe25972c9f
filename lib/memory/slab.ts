/** Slab: blocks of one size, handed out and taken back in a few nanoseconds each. */
import { alignUp, isPowerOfTwo } from '../units.js';
import { integer, invalidType, invalidValue } from '../validate.js';
import { Mapping } from './mapping.js';
import { misuse } from './misuse.js';
import type { AnonymousOptions } from './options.js';
import type { Backing } from './pages.js';

const COUNT_MAX = 2 ** 28;
const ALIGN_DEFAULT = 8;

export interface SlabOptions extends Omit<AnonymousOptions, 'size'> {
  /** Bytes of one block. */
  blockSize: number;
  /** How many. */
  count: number;
  /** Each block begins at a multiple of it, a power of two up to a page. Default 8. */
  align?: number;
}

/** @internal Maps room for `count` blocks; answers the bytes from one to the next. */
export function mapBlocks(options: SlabOptions): { mapping: Mapping; stride: number } {
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options);
  }
  const { blockSize, count, align = ALIGN_DEFAULT, ...rest } = options;
  integer('blockSize', blockSize, 1, 2 ** 40);
  integer('count', count, 1, COUNT_MAX);
  if (!isPowerOfTwo(integer('align', align, 1, 4096))) {
    throw invalidValue('align', 'must be a power of two', align);
  }
  if ('size' in rest) throw invalidValue('size', 'is blockSize times count', rest.size);
  const stride = alignUp(blockSize, align);
  return { mapping: Mapping.anonymous({ ...rest, size: stride * count }), stride };
}

/** @internal Which of `count` blocks are out: the free ones as a stack, and a mark for each. */
export class FreeList {
  readonly #stack: Int32Array;
  readonly #out: Uint8Array;
  #top: number;

  constructor(count: number) {
    // The lowest is taken first: it is what was touched last, or first.
    this.#stack = Int32Array.from({ length: count }, (_, index) => count - 1 - index);
    this.#out = new Uint8Array(count);
    this.#top = count;
  }

  get free(): number {
    return this.#top;
  }

  /** -1 when there is none. */
  take(): number {
    if (this.#top === 0) return -1;
    const index = this.#stack[--this.#top] as number;
    this.#out[index] = 1;
    return index;
  }

  /** False when it is not out. */
  give(index: number): boolean {
    if (this.#out[index] !== 1) return false;
    this.#out[index] = 0;
    this.#stack[this.#top++] = index;
    return true;
  }
}

/**
 * Blocks of one size. `alloc` and `free` take the same time however many there are, and make no
 * garbage: a block is the same `Uint8Array` each time that it is handed out. So keep none that you
 * have freed: it may be somebody else's by then.
 *
 * @man mmap(2)
 */
export class Slab implements Disposable {
  readonly mapping: Mapping;
  readonly blockSize: number;
  readonly count: number;
  readonly #stride: number;
  readonly #buffer: ArrayBuffer;
  readonly #blocks: (Uint8Array<ArrayBuffer> | undefined)[];
  readonly #list: FreeList;

  private constructor(options: SlabOptions) {
    const { mapping, stride } = mapBlocks(options);
    this.mapping = mapping;
    this.blockSize = options.blockSize;
    this.count = options.count;
    this.#stride = stride;
    this.#buffer = mapping.bytes.buffer;
    this.#blocks = new Array(options.count).fill(undefined);
    this.#list = new FreeList(options.count);
  }

  /** Maps memory of its own, with the options of `Mapping.anonymous`. */
  static map(options: SlabOptions): Slab {
    return new Slab(options);
  }

  get backing(): Backing {
    return this.mapping.backing;
  }

  /** Blocks that can be had. */
  get freeCount(): number {
    return this.#list.free;
  }

  /** Hands out a block, as it was left; throws ERR_NEARMETAL_EXHAUSTED when all are out. */
  alloc(): Uint8Array<ArrayBuffer> {
    if (this.mapping.disposed) throw misuse('DISPOSED', 'the slab has been disposed');
    const index = this.#list.take();
    if (index < 0) throw misuse('EXHAUSTED', `all ${this.count} blocks of the slab are out`);
    return this.#blocks[index] ?? this.#view(index);
  }

  /**
   * Takes `block` back. One that is free already is ERR_NEARMETAL_DOUBLE_FREE, one that is not of
   * this slab, or only a part of one, ERR_NEARMETAL_FOREIGN.
   */
  free(block: Uint8Array): void {
    const index = this.indexOf(block);
    if (!this.#list.give(index)) {
      throw misuse('DOUBLE_FREE', `block ${index} is free already: it was freed twice`);
    }
  }

  /** The number of a block, from 0 on. */
  indexOf(block: Uint8Array): number {
    if (!(block instanceof Uint8Array)) throw invalidType('block', 'a block of this slab', block);
    const index = block.byteOffset / this.#stride;
    if (this.mapping.disposed) throw misuse('DISPOSED', 'the slab has been disposed');
    if (this.#blocks[index] === block) return index;
    throw misuse('FOREIGN', 'this is no block of this slab');
  }

  /** Empties every block, and gives the memory back. */
  dispose(): void {
    this.mapping.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #view(index: number): Uint8Array<ArrayBuffer> {
    const block = new Uint8Array(this.#buffer, index * this.#stride, this.blockSize);
    this.#blocks[index] = block;
    return block;
  }
}
