/**
 * Provided buffers: a pool that the kernel takes from when data is there, and that gets each one
 * back.
 */
import { IORING_REGISTER_PBUF_RING, IORING_UNREGISTER_PBUF_RING } from '../abi.js';
import { check } from '../errors.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { integer, invalidValue, onlyKeys } from '../validate.js';
import type { Engine } from './engine.js';
import { highWord } from './sqe.js';

export interface BufferRingOptions {
  /** How many buffers: a power of two up to 32768. */
  count: number;
  /** Bytes of each. */
  size: number;
}

const COUNT_MAX = 32_768;
const SIZE_MAX = 2 ** 30;
/**
 * `struct io_uring_buf`: address, length, id; the first one's last half-word is the ring's tail.
 */
const ENTRY_BYTES = 16;
const ENTRY_WORDS = 4;
const ENTRY_LENGTH = 2;
const ENTRY_ID_HALF = 6;
const TAIL_HALF = 7;
/** `struct io_uring_buf_reg`. */
const REGISTRATION_WORDS = 10;

/** Received bytes in a buffer of the pool: they are the receiver's until `release`. */
export class Lease implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly #buffers: BufferRing;
  readonly #id: number;
  #bytes: Uint8Array | undefined;

  /** @internal */
  constructor(buffers: BufferRing, id: number, length: number) {
    this.#buffers = buffers;
    this.#id = id;
    this.#bytes = buffers.bytes(id).subarray(0, length);
  }

  /** The received bytes; throws after `release`, when the kernel may be writing to them again. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new TypeError('the lease has been released');
    return this.#bytes;
  }

  /** A copy of the bytes, which outlives the lease. */
  copy(): Uint8Array {
    return this.bytes.slice();
  }

  /** Gives the buffer back to the kernel; a second call does nothing. */
  release(): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    this.#buffers.recycle(this.#id);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * A pool of equal buffers, registered with a ring under a group number.
 *
 * In handler mode the completion's flags name the buffer (`bufferId(flags)`): `taken(id)` notes
 * that
 * it is lent, `bytes(id)` shows it, `recycle(id)` gives it back.
 *
 * @kernel 5.19 IORING_REGISTER_PBUF_RING
 * @man io_uring_register(2)
 */
export class BufferRing implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly count: number;
  readonly size: number;
  readonly group: number;
  /** All buffers, one after the other: buffer `id` starts at `id * size`. */
  readonly mapping: Mapping;
  /** Buffers that the kernel has, or has filled and not yet told of. */
  available = 0;
  readonly #engine: Engine;
  readonly #ring: Mapping;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  readonly #views: (Uint8Array | undefined)[] = [];
  readonly #lent: Uint8Array;
  readonly #waiting: (() => void)[] = [];
  #tail = 0;
  #closed = false;

  /** @internal */
  constructor(engine: Engine, group: number, options: BufferRingOptions) {
    onlyKeys('options', options, ['count', 'size']);
    this.count = integer('count', options.count, 1, COUNT_MAX);
    if ((this.count & (this.count - 1)) !== 0) {
      throw invalidValue('count', 'must be a power of two', options.count);
    }
    this.size = integer('size', options.size, 1, SIZE_MAX);
    this.#engine = engine;
    this.group = group;
    this.mapping = Mapping.anonymous({ size: this.count * this.size });
    this.mapping.pinned = true;
    this.#ring = Mapping.anonymous({ size: this.count * ENTRY_BYTES });
    this.#words = new Int32Array(this.#ring.bytes.buffer);
    this.#halves = new Uint16Array(this.#ring.bytes.buffer);
    this.#lent = new Uint8Array(this.count);
    engine.hold(this.mapping);
    engine.hold(this.#ring);
    const result = this.#register();
    if (result < 0) {
      this.#ring.dispose();
      this.mapping.dispose();
    }
    check(result, 'io_uring_register', {
      facts: { opcode: IORING_REGISTER_PBUF_RING, bytes: this.count * ENTRY_BYTES },
    });
    for (let id = 0; id < this.count; id++) this.#put(id);
    this.#publish();
  }

  /** The whole of one buffer. */
  bytes(id: number): Uint8Array {
    let view = this.#views[id];
    if (view === undefined) {
      view = this.mapping.bytes.subarray(id * this.size, (id + 1) * this.size);
      this.#views[id] = view;
    }
    return view;
  }

  /** Notes that the kernel has filled buffer `id`, for a receiver that returns it itself. */
  taken(id: number): void {
    if (this.#lent[id] !== 0) throw new TypeError(`buffer ${id} is not the kernel's`);
    this.#lent[id] = 1;
    this.available--;
  }

  /** @internal A receiver's object for buffer `id`. */
  lease(id: number, length: number): Lease {
    this.taken(id);
    return new Lease(this, id, length);
  }

  /**
   * Gives buffer `id` back to the kernel. Giving one back twice is an error: two readers would
   * share it.
   */
  recycle(id: number): void {
    if (this.#closed) return;
    if (this.#lent[id] !== 1) throw new TypeError(`buffer ${id} is not lent`);
    this.#lent[id] = 0;
    this.#put(id);
    this.#publish();
    this.#wake();
  }

  get disposed(): boolean {
    return this.#closed;
  }

  /** @internal Calls `resume` when a buffer comes back, or soon when there is one by now. */
  whenAvailable(resume: () => void): void {
    if (this.available > 0) queueMicrotask(resume);
    else this.#waiting.push(resume);
  }

  /**
   * Unregisters the pool and empties its buffers, leases included; operations that pick from it
   * fail with ENOBUFS.
   */
  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#engine.open) {
      const registration = new Uint16Array(REGISTRATION_WORDS * 2);
      registration[6] = this.group;
      native.ioUringRegister(this.#engine.fd, IORING_UNREGISTER_PBUF_RING, registration, 1);
    }
    this.#ring.dispose();
    this.mapping.dispose();
    this.#engine.bufferRings.delete(this);
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #wake(): void {
    if (this.#waiting.length > 0) for (const resume of this.#waiting.splice(0)) resume();
  }

  #register(): number {
    const words = new Int32Array(REGISTRATION_WORDS);
    words[0] = this.#ring.addressLow;
    words[1] = this.#ring.addressHigh;
    words[2] = this.count;
    new Uint16Array(words.buffer)[6] = this.group;
    return native.ioUringRegister(this.#engine.fd, IORING_REGISTER_PBUF_RING, words, 1);
  }

  #put(id: number): void {
    const index = this.#tail & (this.count - 1);
    const low = (this.mapping.addressLow >>> 0) + id * this.size;
    const base = index * ENTRY_WORDS;
    this.#words[base] = low | 0;
    this.#words[base + 1] = this.mapping.addressHigh + highWord(low);
    this.#words[base + ENTRY_LENGTH] = this.size;
    // Not the whole word: in the first entry its other half is the tail.
    this.#halves[index * (ENTRY_BYTES / 2) + ENTRY_ID_HALF] = id;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.available++;
  }

  /** The kernel must see the entries before it sees the tail behind them. */
  #publish(): void {
    Atomics.store(this.#halves, TAIL_HALF, this.#tail);
  }
}
