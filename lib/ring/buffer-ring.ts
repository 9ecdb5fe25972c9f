/**
 * Provided buffers: a pool that the kernel takes from when data is there, and that gets each one
 * back.
 */
import { AsyncResource } from 'node:async_hooks';
import { ENOMEM, IORING_CQE_F_BUF_MORE, IORING_CQE_F_BUFFER } from '../abi.js';
import { check } from '../errors.js';
import { creationSite, warnOfLost } from '../leaks.js';
import { Mapping } from '../memory/mapping.js';
import { PAGE_BYTES } from '../memory/pages.js';
import { populate } from '../memory/populate.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { boolean, integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { BufferEntries } from './buffer-entries.js';
import { BufferWaiters } from './buffer-waiters.js';
import { bufferId } from './cqe.js';
import type { Engine } from './engine.js';
import { Lease } from './lease.js';
import { highWord } from './sqe.js';

export interface BufferRingOptions {
  /** How many buffers there are at first: a power of two up to 32768. */
  count: number;
  /** Bytes of each. */
  size: number;
  /**
   * Up to how many there may be: as many again are added whenever all are lent. Their addresses are
   * reserved from the start, their memory is not. Default `count`.
   */
  maxCount?: number;
  /**
   * Receives of fewer bytes are copied, and their buffer goes back at once: small ones then cost no
   * buffer however long they are kept. In handler mode it means nothing. Default 0.
   */
  copyBelow?: number;
  /**
   * A buffer is used up piece by piece, by as many receives as fit it, instead of by one (6.12).
   * Default false.
   */
  incremental?: boolean;
  /** Called when an operation found no buffer, at most once between two turns. */
  onPressure?: (pressure: BufferPressure) => void;
}

/** How a pool stands when an operation found no buffer in it. */
export interface BufferPressure {
  readonly available: number;
  readonly count: number;
  readonly maxCount: number;
  /** Buffers were added; else operations wait until one is released. */
  readonly grown: boolean;
}

const COUNT_MAX = 32_768;
const SIZE_MAX = 2 ** 30;
const KEYS = ['count', 'size', 'maxCount', 'copyBelow', 'incremental', 'onPressure'] as const;

/**
 * A pool of equal buffers, registered with a ring under a group number.
 *
 * In handler mode the flags of a completion name the buffer: `take(flags, result)` notes that bytes
 * of it are lent, and answers where they are in `mapping`; `recycle(bufferId(flags))` gives them
 * back.
 *
 * @kernel 5.19 IORING_REGISTER_PBUF_RING; 6.12 `incremental`
 * @man io_uring_register(2)
 */
export class BufferRing implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly size: number;
  readonly maxCount: number;
  readonly incremental: boolean;
  readonly copyBelow: number;
  /** All buffers, one after the other: buffer `id` starts at `id * size`. */
  readonly mapping: Mapping;
  /** @internal Operations on it remember where they were made. */
  readonly debug: boolean;
  /** Buffers that the kernel has, or has filled and not yet told of. */
  available = 0;
  /** @internal Buffers ever given to the kernel: what has changed since it found none. */
  puts = 0;
  /** Leases that were collected without `release`. */
  leaks = 0;
  #count = 0;
  readonly #engine: Engine;
  readonly #entries: BufferEntries;
  readonly #views: (Uint8Array | undefined)[] = [];
  /** Set for buffers that the kernel has, also for one that it has filled in part. */
  readonly #withKernel: Uint8Array;
  /** Where each buffer stood in the ring last. */
  readonly #places: Uint16Array;
  /** How many receivers hold bytes of each buffer. */
  readonly #lends: Uint32Array;
  /** Where the next bytes go in each buffer, when it is used piece by piece. */
  readonly #offsets: Uint32Array;
  readonly #waiters: BufferWaiters;
  readonly #onPressure: ((pressure: BufferPressure) => void) | undefined;
  #telling = false;
  #closed = false;

  /** @internal */
  constructor(engine: Engine, options: BufferRingOptions) {
    onlyKeys('options', options, KEYS);
    const count = integer('count', options.count, 1, COUNT_MAX);
    if ((count & (count - 1)) !== 0) {
      throw invalidValue('count', 'must be a power of two', options.count);
    }
    this.size = integer('size', options.size, 1, SIZE_MAX);
    this.maxCount = integer('maxCount', options.maxCount ?? count, count, COUNT_MAX);
    this.copyBelow = integer('copyBelow', options.copyBelow ?? 0, 0, SIZE_MAX);
    this.incremental = boolean('incremental', options.incremental ?? false);
    this.#onPressure = pressureHook(options.onPressure);
    this.#engine = engine;
    this.#waiters = new BufferWaiters(this, engine);
    this.debug = engine.plan.debug || creationSite() !== undefined;
    this.#withKernel = new Uint8Array(this.maxCount);
    this.#places = new Uint16Array(this.maxCount);
    this.#lends = new Uint32Array(this.maxCount);
    this.#offsets = new Uint32Array(this.incremental ? this.maxCount : 0);
    this.mapping = Mapping.anonymous({
      size: this.maxCount * this.size,
      populate: this.maxCount === count,
    });
    // The kernel has the addresses of its buffers.
    this.mapping.pinned = true;
    try {
      engine.hold(this.mapping);
      const capacity = 2 ** Math.ceil(Math.log2(this.maxCount));
      this.#entries = new BufferEntries(engine, this.mapping, capacity, this.incremental);
    } catch (error) {
      this.mapping.dispose();
      throw error;
    }
    if (!this.#add(count)) {
      this.dispose();
      check(-ENOMEM, 'madvise');
    }
  }

  /** Its number in the kernel. */
  get group(): number {
    return this.#entries.group;
  }

  /** How many buffers there are by now. */
  get count(): number {
    return this.#count;
  }

  /** Buffers of which a receiver holds bytes. */
  get lent(): number {
    return this.#count - this.available;
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

  /** @internal */
  view(offset: number, length: number): Uint8Array {
    const { buffer, byteLength } = this.mapping.bytes;
    return byteLength === 0 ? new Uint8Array(0) : new Uint8Array(buffer, offset, length);
  }

  /**
   * Notes that `length` bytes, of a completion with these `flags`, are lent to a receiver that
   * calls `recycle` itself. Answers where they start in `mapping`.
   */
  take(flags: number, length: number): number {
    const id = bufferId(flags);
    if (this.#withKernel[id] !== 1) throw new TypeError(`buffer ${id} is not the kernel's`);
    this.#lends[id] = (this.#lends[id] as number) + 1;
    let start = id * this.size;
    if (this.incremental) {
      const used = this.#offsets[id] as number;
      start += used;
      this.#offsets[id] = used + length;
      if ((flags & IORING_CQE_F_BUF_MORE) !== 0) return start;
      this.#offsets[id] = 0;
    }
    this.#withKernel[id] = 0;
    if (--this.available === 0) this.#grow();
    return start;
  }

  /** Notes that the kernel has filled buffer `id`, for a receiver that returns it itself. */
  taken(id: number): void {
    this.take((id << 16) | IORING_CQE_F_BUFFER, this.size);
  }

  /** @internal A receiver's object for the bytes of a completion. */
  leaseOf(flags: number, length: number, site?: string): Lease {
    const id = bufferId(flags);
    const start = this.take(flags, length);
    if (length >= this.copyBelow) return Lease.of(this, id, start, length, site);
    const copy = this.view(start, length).slice();
    this.recycle(id);
    return Lease.ofCopy(copy);
  }

  /**
   * @internal Objects for the bytes of a bundle: the buffers stand one behind the other in the
   * ring, and all but the last are full.
   */
  leasesOf(flags: number, length: number, site?: string): Lease[] {
    // The ring that tells of the others has gone, and so have the bytes.
    if (this.#closed) return [this.leaseOf(flags, length, site)];
    const leases: Lease[] = [];
    const first = this.#places[bufferId(flags)] as number;
    let left = length;
    do {
      const id = this.#entries.idAt(first + leases.length);
      const part = Math.min(left, this.size);
      leases.push(this.leaseOf((id << 16) | IORING_CQE_F_BUFFER, part, site));
      left -= part;
    } while (left > 0);
    if (length > 0) return leases;
    for (const lease of leases) lease.release();
    return [];
  }

  /**
   * Gives bytes of buffer `id` back. To do so more often than bytes were taken is an error: two
   * readers would share them.
   */
  recycle(id: number): void {
    if (this.#closed) return;
    if (this.#giveBack(id)) this.#publish(1);
  }

  /** @internal As `recycle`, the first `count` of `ids` together. */
  recycleAll(ids: Uint16Array, count: number): void {
    if (this.#closed) return;
    let given = 0;
    for (let index = 0; index < count; index++) {
      if (this.#giveBack(ids[index] as number)) given++;
    }
    if (given > 0) this.#publish(given);
  }

  /** Whether it is the kernel's again. */
  #giveBack(id: number): boolean {
    const lends = this.#lends[id];
    if (lends === undefined || lends === 0) throw new TypeError(`buffer ${id} is not lent`);
    this.#lends[id] = lends - 1;
    if (lends > 1 || this.#withKernel[id] === 1) return false;
    this.#put(id);
    return true;
  }

  #publish(given: number): void {
    this.#entries.publish();
    this.#waiters.wake(given);
  }

  get disposed(): boolean {
    return this.#closed;
  }

  /**
   * @internal An operation found no buffer. Calls `resume` when there is reason to try again: a
   * buffer was given to the kernel since `puts` was `seen`, when the operation began.
   */
  ranOut(seen: number, resume: () => void): void {
    this.#tell(this.available === 0 && this.#grow());
    this.#waiters.add(resume, seen);
  }

  /** @internal */
  forgot(id: number, seen: boolean, site: string | undefined): void {
    if (this.#closed) return;
    this.leaks++;
    warnOfLost('a Lease', 'release()', site, this.leaks);
    // Somebody may still read a view of it: then the buffer stays lent for good.
    if (!seen) this.recycle(id);
  }

  /**
   * Unregisters the pool and empties its buffers, leases included; operations that pick from it
   * fail with ENOBUFS.
   */
  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#entries.dispose();
    this.mapping.dispose();
    this.#engine.bufferRings.delete(this);
    this.#waiters.wakeAll();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** As many again, up to the most; false when there are no more to be had. */
  #grow(): boolean {
    // What was in flight when it was disposed still completes with a buffer.
    const more = this.#closed ? 0 : Math.min(this.#count, this.maxCount - this.#count);
    return more > 0 && this.#add(more);
  }

  /** False when there is no memory for them. */
  #add(more: number): boolean {
    const first = this.#count * this.size;
    const from = first - (first % PAGE_BYTES);
    const length = first + more * this.size - from;
    // A page that cannot be had must be found now: the kernel would answer EFAULT for it.
    if (populate(this.mapping.region, from, length, PAGE_BYTES, true) !== undefined) return false;
    for (let id = this.#count; id < this.#count + more; id++) this.#put(id);
    this.#count += more;
    this.#entries.publish();
    this.#waiters.look();
    return true;
  }

  #put(id: number): void {
    const low = (this.mapping.addressLow >>> 0) + id * this.size;
    this.#places[id] = this.#entries.place;
    this.#entries.put(id, low | 0, this.mapping.addressHigh + highWord(low), this.size);
    this.#withKernel[id] = 1;
    this.available++;
    this.puts++;
  }

  #tell(grown: boolean): void {
    const tell = this.#onPressure;
    if (tell === undefined || this.#telling) return;
    this.#telling = true;
    // Not from here: an operation is about to be paused, and the hook may release leases.
    setImmediate(() => {
      this.#telling = false;
      const { available, count, maxCount } = this;
      tell({ available, count, maxCount, grown });
    });
  }
}

/** The user's hook, in the context in which the pool was made. */
function pressureHook(hook: BufferRingOptions['onPressure']): BufferRingOptions['onPressure'] {
  if (hook === undefined) return undefined;
  if (typeof hook !== 'function') throw invalidType('onPressure', 'a function', hook);
  return AsyncResource.bind(hook);
}
