/** Records that are written together: copied when they come, framed when their place is known. */
import { Mapping } from '../memory/mapping.js';
import { detachedRecord } from './errors.js';
import { FRAME_BYTES, frameBytes, sealFrame } from './layout.js';

/** Who waits for a record. */
export interface Waiter {
  resolve(sequence: number): void;
  reject(error: unknown): void;
}

/** A record of somebody's bytes. */
export interface Entry extends Waiter {
  readonly parts: readonly Uint8Array[];
  readonly length: number;
}

/** Where a batch goes. */
export interface Place {
  readonly position: number;
  readonly first: number;
  readonly seed: number;
  readonly durable: number;
}

export class Batch {
  readonly #mapping: Mapping;
  readonly #bytes: Buffer;
  readonly capacity: number;
  readonly #lengths: number[] = [];
  readonly waiters: Waiter[] = [];
  used = 0;

  constructor(capacity: number) {
    this.#mapping = Mapping.anonymous({ size: capacity });
    const { buffer, byteOffset } = this.#mapping.bytes;
    this.#bytes = Buffer.from(buffer, byteOffset, capacity);
    this.capacity = capacity;
  }

  get count(): number {
    return this.#lengths.length;
  }

  has(length: number): boolean {
    return this.used + frameBytes(length) <= this.capacity;
  }

  /** Takes a copy of the record; its bytes are the caller's again. */
  add({ parts, length, resolve, reject }: Entry): void {
    let at = this.used + FRAME_BYTES;
    const end = at + length;
    for (const part of parts) {
      // Detached while it waited for room, it has no bytes; nor can it have more than before.
      if (part.length === 0) continue;
      if (at + part.length > end) break;
      this.#bytes.set(part, at);
      at += part.length;
    }
    if (at !== end) {
      reject(detachedRecord());
      return;
    }
    this.#lengths.push(length);
    this.waiters.push({ resolve, reject });
    this.used += frameBytes(length);
  }

  /** Frames the records for `place`, and answers their bytes. */
  seal({ position, first, seed, durable }: Place): Buffer {
    let at = 0;
    for (const [index, length] of this.#lengths.entries()) {
      const frame = { position: position + at, sequence: first + index, durable, length };
      sealFrame(this.#bytes, at, seed, frame);
      at += frameBytes(length);
    }
    return this.#bytes.subarray(0, at);
  }

  clear(): void {
    this.#lengths.length = 0;
    this.waiters.length = 0;
    this.used = 0;
  }

  /** Gives its memory back, once the kernel has let go of it. */
  free(): void {
    this.#mapping.dispose();
  }
}
