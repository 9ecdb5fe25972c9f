/** Arena: many small pieces cut from one mapping, all given back at once. */
import { isPowerOfTwo } from '../units.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { Mapping } from './mapping.js';
import { misuse } from './misuse.js';
import type { AnonymousOptions } from './options.js';
import type { Backing } from './pages.js';

const ALIGN_DEFAULT = 8;

/** What was allocated since it began is given back with it. */
export class ArenaScope implements Disposable {
  readonly #end: () => void;

  /** @internal */
  constructor(end: () => void) {
    this.#end = end;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

/**
 * Hands out pieces of one mapping, one after the other: an allocation is an addition.
 *
 * Pieces are plain `Uint8Array`s that the kernel can be given without a copy. `reset` takes all
 * back; a piece from before it then shows the same memory as a newer one, so let go of them first.
 *
 * @man mmap(2)
 */
export class Arena implements Disposable {
  readonly mapping: Mapping;
  readonly #buffer: ArrayBuffer;
  readonly #base: number;
  readonly #size: number;
  #used = 0;

  private constructor(mapping: Mapping) {
    this.mapping = mapping;
    const { buffer, byteOffset } = mapping.bytes;
    this.#buffer = buffer;
    this.#base = byteOffset;
    this.#size = mapping.size;
  }

  /** Maps memory of its own, with the options of `Mapping.anonymous`. */
  static map(options: AnonymousOptions): Arena {
    return new Arena(Mapping.anonymous(options));
  }

  /** Cuts from a mapping that is there already, and is disposed with the arena. */
  static over(mapping: Mapping): Arena {
    if (mapping instanceof Mapping) return new Arena(mapping);
    throw invalidType('mapping', 'a Mapping', mapping);
  }

  /** The whole of its memory. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.mapping.bytes;
  }

  /** What pages it got. */
  get backing(): Backing {
    return this.mapping.backing;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes handed out, with those lost to alignment. */
  get used(): number {
    return this.#used;
  }

  /** Bytes left. */
  get free(): number {
    return this.#size - this.#used;
  }

  /**
   * Hands out `size` bytes, whose address is a multiple of `align`, a power of two up to the size
   * of a page. Default 8. They hold what was there before: zeroes, until the first `reset`.
   */
  alloc(size: number, options?: { align?: number }): Uint8Array<ArrayBuffer> {
    let align = ALIGN_DEFAULT;
    if (options !== undefined) align = this.#alignment(options);
    // Powers of two: what is above a multiple, as a remainder, which works past 2^31.
    const over = this.#used % align;
    const start = over === 0 ? this.#used : this.#used + align - over;
    if (!(size >= 0 && start + size <= this.#size && Number.isInteger(size))) this.#refuse(size);
    const piece = new Uint8Array(this.#buffer, this.#base + start, size);
    this.#used = start + size;
    return piece;
  }

  /** Takes everything back. */
  reset(): void {
    this.#used = 0;
  }

  /** `using` it, what is allocated from here on is given back at the end of the block. */
  scope(): ArenaScope {
    const mark = this.#used;
    return new ArenaScope(() => {
      if (mark < this.#used) this.#used = mark;
    });
  }

  /** Empties every piece, and gives the memory back. */
  dispose(): void {
    this.mapping.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #alignment(options: { align?: number }): number {
    onlyKeys('options', options, ['align']);
    const { pageSize } = this.mapping;
    const align = integer('align', options.align ?? ALIGN_DEFAULT, 1, pageSize);
    if (isPowerOfTwo(align)) return align;
    throw invalidValue('align', 'must be a power of two', align);
  }

  #refuse(size: number): never {
    if (this.mapping.disposed) throw misuse('DISPOSED', 'the arena has been disposed');
    integer('size', size, 0, this.#size);
    throw misuse('EXHAUSTED', `the arena has ${this.free} bytes left, ${size} were asked for`);
  }
}
