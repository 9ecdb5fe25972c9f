/** Bytes on their way out: copied into the library's memory, and kept there until they are sent. */
import { Mapping } from '../memory/mapping.js';

const SMALL = 16 * 1024;
const LARGE = 256 * 1024;
/** Blocks are cut from mappings of this size; for what is longer, of a huge page each. */
const MAPPING_BYTES = 1024 * 1024;
const HUGE_BYTES = 2 * MAPPING_BYTES;
/** Of either size so much stays in memory when nobody needs it. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** Shorter bytes are copied one by one, which costs less than a view of them. */
const FEW = 64;

/** A piece of a mapping: bytes from `start` to `end` are waiting. */
export class Block {
  readonly mapping: Mapping;
  /** How many blocks of the mapping are in use. */
  readonly used: { count: number };
  /** Where it begins in the mapping. */
  readonly base: number;
  readonly bytes: Uint8Array;
  start = 0;
  end = 0;
  next: Block | undefined = undefined;

  constructor(mapping: Mapping, used: { count: number }, base: number, size: number) {
    this.mapping = mapping;
    this.used = used;
    this.base = base;
    this.bytes = mapping.bytes.subarray(base, base + size);
  }
}

/** Where blocks come from, for all streams of a backend. */
export class BlockPool {
  readonly #mappings = new Set<Mapping>();
  readonly #queues: Outgoing[] = [];
  #small: Block[] = [];
  #large: Block[] = [];

  /** For a stream that has something to send: most have nothing, most of the time. */
  takeQueue(): Outgoing {
    return this.#queues.pop() ?? new Outgoing(this);
  }

  /** It is empty. */
  giveQueue(queue: Outgoing): void {
    this.#queues.push(queue);
  }

  take(wanted: number): Block {
    const size = wanted > SMALL ? LARGE : SMALL;
    const free = size === SMALL ? this.#small : this.#large;
    if (free.length === 0) this.#grow(size, free, wanted > MAPPING_BYTES);
    const block = free.pop() as Block;
    block.used.count++;
    return block;
  }

  give(block: Block): void {
    block.start = 0;
    block.end = 0;
    block.next = undefined;
    const size = block.bytes.length;
    const free = size === SMALL ? this.#small : this.#large;
    free.push(block);
    // A peer that was slow for once must not cost memory for good.
    if (--block.used.count > 0 || free.length * size <= KEPT_BYTES) return;
    const kept = free.filter(({ mapping }) => mapping !== block.mapping);
    if (size === SMALL) this.#small = kept;
    else this.#large = kept;
    this.#mappings.delete(block.mapping);
    block.mapping.dispose();
  }

  dispose(): void {
    for (const mapping of this.#mappings) mapping.dispose();
    this.#mappings.clear();
  }

  #grow(size: number, free: Block[], huge: boolean): void {
    const bytes = huge ? HUGE_BYTES : MAPPING_BYTES;
    const pages = huge ? ({ hugePage: 'transparent', orElse: 'ordinary' } as const) : {};
    const mapping = Mapping.anonymous({ size: bytes, populate: false, ...pages });
    this.#mappings.add(mapping);
    const used = { count: 0 };
    for (let base = 0; base < bytes; base += size) {
      free.push(new Block(mapping, used, base, size));
    }
  }
}

/** What one stream has yet to send, in order. */
export class Outgoing {
  private readonly pool: BlockPool;
  first: Block | undefined = undefined;
  private last: Block | undefined = undefined;
  pending = 0;

  constructor(pool: BlockPool) {
    this.pool = pool;
  }

  append(source: Uint8Array, offset: number, length: number): void {
    this.pending += length;
    let from = offset;
    let left = length;
    while (left > 0) {
      let block = this.last;
      if (block === undefined || block.end === block.bytes.length) block = this.extend(left);
      const count = Math.min(left, block.bytes.length - block.end);
      copy(source, from, count, block.bytes, block.end);
      block.end += count;
      from += count;
      left -= count;
    }
  }

  /** `count` bytes at the front are the kernel's. */
  consume(count: number): void {
    const block = this.first as Block;
    block.start += count;
    this.pending -= count;
    if (block.start < block.end) return;
    this.first = block.next;
    if (this.first === undefined) this.last = undefined;
    this.pool.give(block);
  }

  /** Nothing of it is in flight. */
  clear(): void {
    for (let block = this.first; block !== undefined; ) {
      const { next } = block;
      this.pool.give(block);
      block = next;
    }
    this.first = undefined;
    this.last = undefined;
    this.pending = 0;
  }

  private extend(wanted: number): Block {
    const block = this.pool.take(wanted);
    if (this.last === undefined) this.first = block;
    else this.last.next = block;
    this.last = block;
    return block;
  }
}

/** @internal */
export function copy(
  source: Uint8Array,
  from: number,
  count: number,
  target: Uint8Array,
  at: number,
): void {
  if (count <= FEW) {
    for (let index = 0; index < count; index++) target[at + index] = source[from + index] as number;
  } else if (count === source.length) target.set(source, at);
  else target.set(source.subarray(from, from + count), at);
}
