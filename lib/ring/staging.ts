/**
 * Native memory for arguments and for users' own bytes, so that the kernel never sees V8's heap.
 */
import { Mapping } from '../memory/mapping.js';
import { Block, PAIR_SHIFT } from './block.js';
import type { Control } from './control.js';
import type { Operation } from './operation.js';
import { Pairs } from './pairs.js';
import { highWord } from './sqe.js';

export { Block } from './block.js';

const SMALLEST_SHIFT = 6;
/** Blocks up to 1 MiB are cut from chunks and kept; larger ones are mapped for one operation. */
const LARGEST_SHIFT = 20;
const CHUNK_BYTES = 1 << LARGEST_SHIFT;

export class Staging {
  readonly #free: Block[][] = Array.from({ length: LARGEST_SHIFT + 1 }, () => []);
  readonly pairs: Pairs;
  readonly #chunks = new Set<Mapping>();
  /** The chunk being cut, and how much of it is used. */
  #chunk: Mapping | undefined = undefined;
  #used = 0;
  readonly #adopt: (mapping: Mapping) => void;

  /**
   * @param adopt makes the ring hold new memory before the kernel hears of it
   * @param control where the native side finds the pairs
   */
  constructor(adopt: (mapping: Mapping) => void, control: Control) {
    this.#adopt = adopt;
    this.pairs = new Pairs(adopt, control);
  }

  take(size: number): Block {
    if (size > CHUNK_BYTES) return this.#single(size);
    const shift = Math.max(SMALLEST_SHIFT, 32 - Math.clz32(size - 1));
    return this.#free[shift]?.pop() ?? this.#cut(shift);
  }

  give(block: Block): void {
    block.targets = undefined;
    block.targetBytes = undefined;
    block.bytesLost = 0;
    if (block.shift === PAIR_SHIFT) {
      this.pairs.give(block);
      return;
    }
    if (block.shift <= LARGEST_SHIFT) {
      this.#free[block.shift]?.push(block);
      return;
    }
    this.#chunks.delete(block.mapping);
    block.mapping.dispose();
  }

  dispose(): void {
    for (const chunk of this.#chunks) chunk.dispose();
    this.#chunks.clear();
    for (const list of this.#free) list.length = 0;
    this.#chunk = undefined;
    this.pairs.dispose();
  }

  #single(size: number): Block {
    return new Block(this.#map(size), 0, LARGEST_SHIFT + 1, size);
  }

  #cut(shift: number): Block {
    const size = 1 << shift;
    // Blocks are aligned to their size, so that direct I/O can use them.
    this.#used = (this.#used + size - 1) & -size;
    if (this.#chunk === undefined || this.#used + size > CHUNK_BYTES) {
      this.#chunk = this.#map(CHUNK_BYTES);
      this.#used = 0;
    }
    const block = new Block(this.#chunk, this.#used, shift, size);
    this.#used += size;
    return block;
  }

  #map(size: number): Mapping {
    const mapping = Mapping.anonymous({ size, populate: size > CHUNK_BYTES });
    this.#adopt(mapping);
    this.#chunks.add(mapping);
    return mapping;
  }
}

/**
 * Copies arguments, and bytes to be sent, to native memory; received bytes will come back from
 * it.
 */
export function stage(staging: Staging, operation: Operation<unknown>): Block {
  let size = operation.argumentBytes;
  for (const view of operation.staged) size += view.byteLength;
  const block = operation.kind.yieldsPair ? staging.pairs.take() : staging.take(Math.max(size, 1));
  block.payloadOffset = operation.argumentBytes;
  if (operation.direction === 'source') {
    let offset = block.payloadOffset;
    for (const view of operation.staged) {
      block.bytes.set(view, offset);
      offset += view.byteLength;
    }
  } else if (operation.direction === 'target') block.targets = operation.staged;
  if (operation.staged.length === 1) {
    const low = (block.addressLow >>> 0) + block.payloadOffset;
    operation.addressLow = low | 0;
    operation.addressHigh = block.addressHigh + highWord(low);
    operation.length = size - operation.argumentBytes;
  }
  operation.writeArguments?.(operation, block);
  return block;
}
