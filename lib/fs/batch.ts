/**
 * Reads and writes by the thousand: as many in flight as asked, handed over together, no promise
 * for any of them.
 */
import { ECANCELED } from '../abi.js';
import { abortError, SystemError } from '../errors.js';
import type { DirectFd, OwnedFd } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import type { Operation } from '../ring/operation.js';
import { BYTES_MAX } from '../ring/operation.js';
import { read, readFixed } from '../ring/ops/read.js';
import { write, writeFixed } from '../ring/ops/write.js';
import type { Ring } from '../ring/ring.js';
import type { Handler } from '../ring/sinks.js';
import { bytesView, integer, invalidType, invalidValue } from '../validate.js';
import { BatchResult } from './batch-result.js';
import type { Signal } from './calls.js';
import { calls, fileRing } from './choose.js';
import { requireAligned } from './direct.js';
import { File } from './file.js';
import { type SignalOptions, signalOf } from './options.js';

const DEPTH = 128;
const DEPTH_MAX = 4096;
/** In flight at once: what the page cache has is copied while they are handed over. */
const BYTES_AT_ONCE = 8 << 20;
/** From here on it pays to pin the memory of a direct file once. */
const PIN_FROM = 64;

export interface BatchOptions extends SignalOptions {
  /** Operations in flight at once. Default 128. */
  depth?: number;
}

/** A number for each operation, or one for all. */
type Numbers = number | ArrayLike<number>;

interface Batch {
  readonly file: File;
  readonly count: number;
  readonly offsets: Float64Array;
  readonly sizes: Int32Array;
  /** Where each stands in `memory`. */
  readonly starts: Float64Array;
  readonly memory: Uint8Array;
  readonly writes: boolean;
  readonly depth: number;
  readonly signal: Signal;
}

/**
 * Reads `sizes[i]` bytes from `offsets[i]` for each i, one behind the other into `into`. `into` is
 * best memory of a `Mapping`: all other is filled from a copy.
 *
 * Resolves when all have ended; single ones that fail are in the result. Over io_uring they go down
 * together, on a file that is registered, and for `direct` files into memory that is.
 *
 * @kernel 5.6 IORING_OP_READ; elsewhere on helper threads
 * @man pread(2)
 */
export function readBatch(
  file: File,
  offsets: ArrayLike<number>,
  sizes: Numbers,
  into: ArrayBufferView,
  options: BatchOptions = {},
): Promise<BatchResult> {
  return run(planBatch(file, offsets, sizes, 'into', into, options, false));
}

/**
 * Writes `sizes[i]` bytes at `offsets[i]` for each i, which stand one behind the other in `from`.
 * It must not change meanwhile.
 *
 * @kernel 5.6 IORING_OP_WRITE; elsewhere on helper threads
 * @man pwrite(2)
 */
export function writeBatch(
  file: File,
  offsets: ArrayLike<number>,
  sizes: Numbers,
  from: ArrayBufferView,
  options: BatchOptions = {},
): Promise<BatchResult> {
  return run(planBatch(file, offsets, sizes, 'from', from, options, true));
}

function planBatch(
  file: File,
  offsets: ArrayLike<number>,
  sizes: Numbers,
  name: string,
  memory: ArrayBufferView,
  options: BatchOptions,
  writes: boolean,
): Batch {
  if (!(file instanceof File) || file.closed) throw invalidType('file', 'an open File', file);
  const signal = signalOf(options, 'depth');
  const depth = integer('depth', options.depth ?? DEPTH, 1, DEPTH_MAX);
  const view = bytesView(name, memory);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (typeof offsets !== 'object' || offsets === null || typeof offsets.length !== 'number') {
    throw invalidType('offsets', 'an array of numbers', offsets);
  }
  const count = offsets.length;
  if (typeof sizes !== 'number' && sizes?.length !== count) {
    throw invalidValue('sizes', `must be a number, or ${count} of them as offsets are`, sizes);
  }
  const plan = {
    offsets: new Float64Array(count),
    sizes: new Int32Array(count),
    starts: new Float64Array(count),
  };
  let start = 0;
  for (let index = 0; index < count; index++) {
    const size = typeof sizes === 'number' ? sizes : sizes[index];
    plan.offsets[index] = integer('offsets', offsets[index], 0, Number.MAX_SAFE_INTEGER);
    plan.sizes[index] = integer('sizes', size, 1, BYTES_MAX);
    plan.starts[index] = start;
    start += plan.sizes[index] as number;
  }
  if (start > bytes.length) throw invalidValue(name, `must have ${start} bytes`, bytes.length);
  const batch = { file, count, ...plan, memory: bytes, writes, depth, signal };
  if (file.alignment !== undefined) checkAlignment(batch);
  return batch;
}

function checkAlignment({ file, count, sizes, starts, offsets, memory, writes }: Batch): void {
  const { alignment } = file;
  if (alignment === undefined) return;
  for (let index = 0; index < count; index++) {
    const start = starts[index] as number;
    const view = memory.subarray(start, start + (sizes[index] as number));
    requireAligned(writes ? 'source' : 'target', view, offsets[index] as number, alignment);
  }
}

async function run(batch: Batch): Promise<BatchResult> {
  const { file, count, signal, writes } = batch;
  if (signal?.aborted) throw abortError(signal);
  const results = new Int32Array(count);
  const ring = fileRing();
  if (count > 0) {
    if (ring === undefined) await onThreads(batch, results);
    else await new RingBatch(batch, ring, results).done;
  }
  return new BatchResult(results, writes ? 'write' : 'read', file.path);
}

/** A batch on its way through a ring. */
class RingBatch {
  readonly done: Promise<void>;
  readonly #batch: Batch;
  readonly #ring: Ring;
  readonly #results: Int32Array;
  readonly #mapping: Mapping | undefined;
  readonly #target: OwnedFd | DirectFd;
  readonly #handler: Handler;
  #operation: Operation<number> | undefined = undefined;
  #pinned: Disposable | undefined = undefined;
  #next = 0;
  #inFlight = 0;
  #bytes = 0;
  #failure: unknown = undefined;
  #resolve!: () => void;
  #reject!: (error: unknown) => void;

  constructor(batch: Batch, ring: Ring, results: Int32Array) {
    this.#batch = batch;
    this.#ring = ring;
    this.#results = results;
    this.#target = batch.file.registered() ?? batch.file.fd;
    this.#mapping = Mapping.of(batch.memory);
    if (this.#mapping !== undefined) this.#operation = this.#reusable(this.#mapping);
    const options = batch.signal ? { batched: true, signal: batch.signal } : { batched: true };
    this.#handler = ring.handler(this.#completed, options);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#fill();
    });
  }

  /** One operation for all: its words are copied whenever it is started. */
  #reusable(mapping: Mapping): Operation<number> {
    const { file, count, memory, writes } = this.#batch;
    const some = memory.subarray(0, 1);
    if (file.direct && count >= PIN_FROM && this.#pin(mapping)) {
      return (writes ? writeFixed : readFixed)(this.#target, some, { offset: 0 });
    }
    return (writes ? write : read)(this.#target, some, { offset: 0 });
  }

  #pin(mapping: Mapping): boolean {
    try {
      this.#pinned = this.#ring.registerBuffers([mapping]);
      return true;
    } catch (error) {
      // Over the memlock limit, or no slot is free: each operation pins its own pages then.
      if (SystemError.is(error) || error instanceof RangeError) return false;
      throw error;
    }
  }

  #fill(): void {
    const { count, depth, sizes, signal } = this.#batch;
    try {
      while (this.#next < count && this.#inFlight < depth && this.#failure === undefined) {
        const size = sizes[this.#next] as number;
        if (this.#inFlight > 0 && this.#bytes + size > BYTES_AT_ONCE) break;
        if (signal?.aborted) throw abortError(signal);
        this.#start(this.#next, size);
        this.#next++;
        this.#inFlight++;
        this.#bytes += size;
      }
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#inFlight === 0) this.#end();
  }

  #start(index: number, size: number): void {
    const { starts, offsets, memory, writes } = this.#batch;
    const start = starts[index] as number;
    const offset = offsets[index] as number;
    const operation = this.#operation;
    if (operation !== undefined) {
      operation.point(this.#mapping as Mapping, memory.byteOffset + start, size).offset = offset;
      this.#ring.start(operation, this.#handler, index);
      return;
    }
    const view = memory.subarray(start, start + size);
    const own = (writes ? write : read)(this.#target, view, { offset });
    this.#ring.start(own, this.#handler, index);
  }

  readonly #completed = (index: number, result: number): void => {
    // ERESTARTSYS and its kin: the call was cut short.
    this.#results[index] = result <= -512 && result >= -516 ? -ECANCELED : result;
    this.#inFlight--;
    this.#bytes -= this.#batch.sizes[index] as number;
    this.#fill();
  };

  #end(): void {
    this.#handler.forget();
    this.#pinned?.[Symbol.dispose]();
    const { signal, count } = this.#batch;
    const cut = this.#next < count || this.#results.includes(-ECANCELED);
    if (this.#failure === undefined && signal?.aborted && cut) this.#failure = abortError(signal);
    if (this.#failure === undefined) this.#resolve();
    else this.#reject(this.#failure);
  }
}

/** Node's pool has few threads: more than it can take at once would only wait there. */
const THREADS_AT_ONCE = 16;

async function onThreads(batch: Batch, results: Int32Array): Promise<void> {
  const { file, count, sizes, starts, offsets, memory, writes, depth, signal } = batch;
  const now = calls();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      if (signal?.aborted) throw abortError(signal);
      const start = starts[index] as number;
      const view = memory.subarray(start, start + (sizes[index] as number));
      const offset = offsets[index] as number;
      try {
        const moving = writes
          ? now.write(file.fd, view, offset, undefined)
          : now.read(file.fd, view, offset, undefined);
        results[index] = await moving;
      } catch (error) {
        const { errno } = error as NodeJS.ErrnoException;
        if (errno === undefined) throw error;
        results[index] = errno;
      }
    }
  };
  const workers = Array.from({ length: Math.min(depth, THREADS_AT_ONCE, count) }, worker);
  for (const ended of await Promise.allSettled(workers)) {
    if (ended.status === 'rejected') throw ended.reason;
  }
}
