/** A piece of native memory that one operation has for its arguments and bytes. */
import type { Mapping } from '../memory/mapping.js';
import { highWord } from './sqe.js';

/** In place of a size: the block is a cell of `Pairs`. */
export const PAIR_SHIFT = 63;

/** Some bytes of a mapping: lent to one operation, given back at its last completion. */
export class Block {
  readonly mapping: Mapping;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly shift: number;
  /** Where received bytes go when the operation completes, in order, and where they start here. */
  targets: readonly Uint8Array[] | undefined = undefined;
  /** How long each target was at submission, where there are several. */
  targetBytes: readonly number[] | undefined = undefined;
  payloadOffset = 0;
  /** Received bytes that found their target detached or shrunk. */
  bytesLost = 0;

  constructor(mapping: Mapping, offset: number, shift: number, size: number) {
    this.mapping = mapping;
    this.shift = shift;
    this.bytes = mapping.bytes.subarray(offset, offset + size);
    this.words = new Int32Array(mapping.bytes.buffer, offset, size >>> 2);
    const low = (mapping.addressLow >>> 0) + offset;
    this.addressLow = low | 0;
    this.addressHigh = mapping.addressHigh + highWord(low);
  }
}
