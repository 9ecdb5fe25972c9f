/**
 * A multishot operation as an async iterable: submitted when first asked, ended when no longer
 * wanted.
 */
import { ECANCELED, EINVAL, ENOBUFS, IORING_CQE_F_MORE } from '../abi.js';
import { abortError } from '../errors.js';
import { DirectFd, OwnedFd } from '../fd/fd.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { Lease } from './buffer-ring.js';
import { bufferId } from './cqe.js';
import type { Engine } from './engine.js';
import { IGNORE } from './letting-go.js';
import type { MultishotOperation } from './operation.js';
import { cancelUserData } from './ops/async-cancel.js';
import { operationError } from './sinks.js';
import type { Sink } from './slots.js';

export interface StreamOptions {
  /** Ends the iteration with an AbortError, once the kernel has let go. */
  signal?: AbortSignal;
}

/** A consumer that is this far behind makes the operation pause. */
const QUEUE_MAX = 1024;

type Waiter<Result> = {
  resolve(step: IteratorResult<Result, undefined>): void;
  reject(error: unknown): void;
};

export class MultishotStream<Result> implements AsyncIterableIterator<Result>, Sink {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly batched = false;
  readonly #engine: Engine;
  readonly #operation: MultishotOperation<Result>;
  readonly #signal: AbortSignal | undefined;
  readonly #queue: Result[] = [];
  readonly #waiters: Waiter<Result>[] = [];
  readonly #returns: (() => void)[] = [];
  /** Slot and generation of the submission in force. */
  #slot = -1;
  #generation = 0;
  #started = false;
  /** No more results are wanted: what still comes is closed or given back. */
  #unwanted = false;
  #paused = false;
  #cancelled = false;
  #error: unknown;
  #results = 0;

  constructor(engine: Engine, operation: MultishotOperation<Result>, options: StreamOptions) {
    this.#engine = engine;
    this.#operation = operation;
    this.#signal = options.signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Result, undefined>> {
    if (!this.#started) this.#start();
    if (this.#queue.length > 0) {
      const value = this.#queue.shift() as Result;
      if (this.#paused && this.#queue.length < QUEUE_MAX / 2) this.#resume();
      return Promise.resolve({ value, done: false });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return new Promise((resolve, reject) => this.#settleLater({ resolve, reject }, error));
    }
    if (this.#unwanted) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Resolves when the kernel has let go: after `break` nothing of the operation is left. */
  async return(): Promise<IteratorResult<Result, undefined>> {
    this.#end(undefined);
    for (const value of this.#queue.splice(0)) discard(value);
    if (this.#slot >= 0) await new Promise<void>((resolve) => this.#returns.push(resolve));
    return { value: undefined, done: true };
  }

  complete(_tag: number, result: number, flags: number): void {
    const last = (flags & IORING_CQE_F_MORE) === 0;
    if (last) this.#slot = -1;
    const failed = result < 0 && !this.#operation.kind.successes.includes(-result);
    if (failed) this.#failed(result);
    else if (result === 0 && this.#operation.endsAtZero) this.#ended(flags);
    else this.#received(result, flags);
    if (!last) return;
    for (const done of this.#returns.splice(0)) done();
    // The kernel ends a multishot operation silently, on overflow for one.
    if (!this.#unwanted && !this.#paused && !failed) this.#arm();
  }

  #start(): void {
    this.#started = true;
    const signal = this.#signal;
    if (signal?.aborted) {
      this.#end(abortError(signal));
      return;
    }
    if (signal !== undefined) this.#engine.aborts.add(signal, this.#onAbort);
    this.#engine.streams.add(this);
    this.#arm();
  }

  /** @internal Nothing will come any more, also not to one that waits without an operation. */
  ringClosed(): void {
    this.#slot = -1;
    this.#end(operationError(this.#engine.verdict, this.#operation));
    for (const done of this.#returns.splice(0)) done();
  }

  readonly #onAbort = (): void => {
    this.#end(abortError(this.#signal as AbortSignal));
  };

  /** Submits; what cannot be submitted any more, since its descriptor was closed for one, ends. */
  #arm(): void {
    try {
      this.#slot = this.#engine.begin(this.#operation, this, 0);
      this.#generation = this.#engine.slots.generations[this.#slot] as number;
    } catch (error) {
      this.#end(error);
    }
  }

  #received(result: number, flags: number): void {
    this.#results++;
    const value = this.#operation.kind.decode(result, flags, this.#operation, undefined);
    if (this.#unwanted) {
      discard(value);
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value, done: false });
      return;
    }
    this.#queue.push(value);
    if (this.#queue.length >= QUEUE_MAX && !this.#paused) {
      this.#paused = true;
      this.#cancelled = true;
      this.#cancel();
    }
  }

  #ended(flags: number): void {
    const id = bufferId(flags);
    if (id >= 0) this.#operation.bufferRing?.lease(id, 0).release();
    this.#end(undefined);
  }

  #failed(result: number): void {
    if (this.#unwanted) return;
    if (this.#cancelled && result === -ECANCELED) {
      // Our own request, to let the consumer catch up; it may have done so by now.
      this.#cancelled = false;
      if (!this.#paused) this.#arm();
      return;
    }
    const buffers = this.#operation.bufferRing;
    if (result === -ENOBUFS && buffers !== undefined && !buffers.disposed) {
      this.#engine.bufferShortages++;
      this.#paused = true;
      buffers.whenAvailable(() => this.#resume());
      return;
    }
    // A kernel without the multishot form refuses the first one.
    if (result === -EINVAL && this.#results === 0 && this.#operation.lower !== undefined) {
      this.#operation.lower();
      this.#operation.lower = undefined;
      this.#arm();
      return;
    }
    this.#end(operationError(result, this.#operation));
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#operation.bufferRing?.disposed) this.#failed(-ENOBUFS);
    else if (!this.#unwanted && this.#slot < 0 && this.#engine.open) this.#arm();
  }

  #cancel(): void {
    if (this.#slot < 0 || !this.#engine.open) return;
    const low = this.#engine.slots.userDataLow(this.#slot, this.#operation);
    this.#engine.begin(cancelUserData(low, this.#generation), IGNORE, 0);
  }

  /**
   * Wakes everybody who waits; what is queued can still be read, unless the iterator was returned.
   */
  #end(error: unknown): void {
    if (this.#unwanted) return;
    this.#unwanted = true;
    this.#started = true;
    if (this.#signal !== undefined) this.#engine.aborts.delete(this.#signal, this.#onAbort);
    this.#engine.streams.delete(this);
    this.#cancel();
    const first = this.#waiters.shift();
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve({ value: undefined, done: true });
    else this.#settleLater(first, error);
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
  }

  /** An error says that the kernel has let go, so it waits for that. */
  #settleLater(waiter: Waiter<Result>, error: unknown): void {
    if (this.#slot < 0) waiter.reject(error);
    else this.#returns.push(() => waiter.reject(error));
  }
}

/** A result that nobody will receive. */
function discard(value: unknown): void {
  if (value instanceof OwnedFd || value instanceof DirectFd) value.close();
  else if (value instanceof Lease) value.release();
}
