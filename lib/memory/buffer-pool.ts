/** BufferPool: Node Buffers over one mapping, lent and given back; rings can have it registered. */
import { abortError } from '../errors.js';
import { creationSite, warnOfLeak } from '../leaks.js';
import { abortSignal, onlyKeys } from '../validate.js';
import type { Mapping } from './mapping.js';
import { misuse } from './misuse.js';
import type { Backing, HugePage } from './pages.js';
import { FreeList, mapBlocks, type SlabOptions } from './slab.js';

export interface BufferPoolOptions extends Omit<SlabOptions, 'blockSize'> {
  /** Bytes of one buffer. */
  size: number;
}

/** Who was promised the next buffer that comes back. */
interface Waiter {
  resolve(lease: BufferLease): void;
  reject(reason: unknown): void;
}

/** Only with NEARMETAL_DEBUG. */
const lost = new FinalizationRegistry<string>((site) => {
  warnOfLeak('a BufferLease', 'release()', site);
});

/** One buffer, yours until `release`. */
export class BufferLease implements Disposable {
  readonly #pool: BufferPool;
  readonly #index: number;
  #buffer: Buffer<ArrayBuffer> | undefined = undefined;

  /** @internal */
  constructor(pool: BufferPool, index: number, buffer: Buffer<ArrayBuffer>) {
    this.#pool = pool;
    this.#index = index;
    this.#buffer = buffer;
    const site = creationSite();
    if (site !== undefined) lost.register(this, site, this);
  }

  /** Throws once released. Do not keep it for longer than the lease: it will be lent again. */
  get buffer(): Buffer<ArrayBuffer> {
    if (this.#buffer !== undefined) return this.#buffer;
    throw misuse('DISPOSED', 'the buffer has been released');
  }

  get released(): boolean {
    return this.#buffer === undefined;
  }

  /** Gives it back; a second call does nothing. No operation may be in flight on it. */
  release(): void {
    if (this.#buffer === undefined) return;
    this.#buffer = undefined;
    lost.unregister(this);
    this.#pool.giveBack(this.#index);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Buffers of one size. Without `hugePage` it has what the kernel puts together ('transparent') or,
 * where that is switched off, ordinary pages; `backing` tells.
 *
 * `ring.registerBuffers([pool.mapping])` makes every one of them good for `readFixed` and
 * `writeFixed`.
 *
 * @man mmap(2)
 */
export class BufferPool implements Disposable {
  readonly mapping: Mapping;
  /** Bytes of one buffer. */
  readonly size: number;
  readonly count: number;
  readonly #stride: number;
  readonly #memory: ArrayBuffer;
  readonly #buffers: (Buffer<ArrayBuffer> | undefined)[];
  readonly #list: FreeList;
  readonly #waiters = new Set<Waiter>();

  private constructor(options: BufferPoolOptions) {
    onlyKeys('options', options, POOL_KEYS);
    const { size, ...rest } = options;
    const pages = rest.hugePage === undefined ? DEFAULT_PAGES : {};
    const { mapping, stride } = mapBlocks({ ...pages, ...rest, blockSize: size });
    this.mapping = mapping;
    this.size = size;
    this.count = options.count;
    this.#stride = stride;
    this.#memory = mapping.bytes.buffer;
    this.#buffers = new Array(options.count).fill(undefined);
    this.#list = new FreeList(options.count);
  }

  static map(options: BufferPoolOptions): BufferPool {
    return new BufferPool(options);
  }

  get backing(): Backing {
    return this.mapping.backing;
  }

  /** Buffers that can be had now. */
  get freeCount(): number {
    return this.#list.free;
  }

  /** Lends a buffer, with what it held before; throws ERR_NEARMETAL_EXHAUSTED when all are out. */
  take(): BufferLease {
    const lease = this.tryTake();
    if (lease !== undefined) return lease;
    throw misuse('EXHAUSTED', `all ${this.count} buffers of the pool are out`);
  }

  /** As `take`; undefined when all are out. */
  tryTake(): BufferLease | undefined {
    if (this.mapping.disposed) throw disposed();
    const index = this.#list.take();
    if (index < 0) return undefined;
    return new BufferLease(this, index, this.#buffers[index] ?? this.#view(index));
  }

  /** As `take`, waiting until one is given back; who waits longest is first. */
  async acquire(options: { signal?: AbortSignal } = {}): Promise<BufferLease> {
    onlyKeys('options', options, ['signal']);
    const signal = abortSignal('signal', options.signal);
    if (signal?.aborted) throw abortError(signal);
    const lease = this.tryTake();
    if (lease !== undefined) return lease;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        reject(abortError(signal as AbortSignal));
      };
      const settle = (): void => signal?.removeEventListener('abort', onAbort);
      const waiter: Waiter = {
        resolve(found) {
          settle();
          resolve(found);
        },
        reject(reason) {
          settle();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** @internal */
  giveBack(index: number): void {
    this.#list.give(index);
    if (this.mapping.disposed) return;
    const [waiter] = this.#waiters;
    if (waiter === undefined) return;
    this.#waiters.delete(waiter);
    waiter.resolve(this.take());
  }

  /** Empties every buffer, lent ones too, and gives the memory back. */
  dispose(): void {
    this.mapping.dispose();
    for (const waiter of this.#waiters) waiter.reject(disposed());
    this.#waiters.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #view(index: number): Buffer<ArrayBuffer> {
    const buffer = Buffer.from(this.#memory, index * this.#stride, this.size);
    this.#buffers[index] = buffer;
    return buffer;
  }
}

const DEFAULT_PAGES: { hugePage: HugePage; orElse: 'ordinary' } = {
  hugePage: 'transparent',
  orElse: 'ordinary',
};

const POOL_KEYS = [
  'size',
  'count',
  'align',
  'populate',
  'hugePage',
  'orElse',
  'name',
  'share',
  'locked',
  'noreserve',
  'address',
];

const disposed = (): TypeError => misuse('DISPOSED', 'the pool has been disposed');
