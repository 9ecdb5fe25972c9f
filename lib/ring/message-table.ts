/**
 * Where the messages of operations in flight are that may bring descriptors: the native side looks
 * there when the thread ends before JavaScript has seen them.
 */
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import type { Operation } from './operation.js';
import type { Block } from './staging.js';

/** `struct MessageEntry` in native/ring.h: header, buffers, and the size of each buffer. */
const ENTRY_WORDS = 8;
const ENTRY_BYTES = ENTRY_WORDS * 4;
const FIRST_ENTRIES = 128;

export class MessageTable {
  readonly #ring: number;
  #mapping: Mapping | undefined = undefined;
  #words = new Int32Array(0);

  constructor(ring: number) {
    this.#ring = ring;
  }

  /** The message of the operation in `slot` is in `block`, or in a buffer that the kernel picks. */
  note(slot: number, operation: Operation<unknown>, block: Block): void {
    if ((slot + 1) * ENTRY_WORDS > this.#words.length) this.#grow(slot + 1);
    const words = this.#words;
    const entry = slot * ENTRY_WORDS;
    const buffers = operation.inBuffers ? operation.bufferRing : undefined;
    words[entry] = block.addressLow;
    words[entry + 1] = block.addressHigh;
    words[entry + 2] = buffers?.mapping.addressLow ?? 0;
    words[entry + 3] = buffers?.mapping.addressHigh ?? 0;
    words[entry + 4] = buffers?.size ?? 0;
  }

  dispose(): void {
    this.#mapping?.dispose();
  }

  #grow(entries: number): void {
    const old = this.#mapping;
    const count = Math.max(entries, FIRST_ENTRIES, (this.#words.length / ENTRY_WORDS) * 2);
    const mapping = Mapping.anonymous({ size: count * ENTRY_BYTES });
    const words = new Int32Array(mapping.bytes.buffer);
    words.set(this.#words);
    // The ring holds the memory from here on; the thread may end at any call.
    native.ringMessages(this.#ring, mapping.region);
    this.#mapping = mapping;
    this.#words = words;
    old?.dispose();
  }
}
