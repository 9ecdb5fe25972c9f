/**
 * A multishot operation as an async iterable: submitted when first asked, ended when no longer
 * wanted.
 */
import { ECANCELED, EINVAL, ENOBUFS, IORING_CQE_F_MORE } from '../abi.js';
import { abortError } from '../errors.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { bufferId } from './cqe.js';
import { discard } from './discard.js';
import type { Engine } from './engine.js';
import { IGNORE } from './letting-go.js';
import type { MultishotOperation } from './operation.js';
import { cancelUserData } from './ops/async-cancel.js';
import { operationError } from './sinks.js';
import type { Sink } from './slots.js';
import type { Block } from './staging.js';

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
  /** How many buffers had been given to the pool when it was submitted. */
  #putsSeen = 0;
  #started = false;
  /** No more results are asked for: those that come until the kernel lets go are the last. */
  #ending = false;
  /** Nobody will read them: what still comes is closed or given back. */
  #returned = false;
  #paused = false;
  #cancelled = false;
  /**
   * A cancel request that found nothing: between two ticks a timer is nowhere to be found, and goes
   * on.
   */
  #missed = false;
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
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#ending && this.#slot < 0) this.#settle();
    });
  }

  /** Resolves when the kernel has let go: after `break` nothing of the operation is left. */
  async return(): Promise<IteratorResult<Result, undefined>> {
    this.#returned = true;
    this.#end(undefined);
    for (const value of this.#queue.splice(0)) discard(value);
    if (this.#slot >= 0) await new Promise<void>((resolve) => this.#returns.push(resolve));
    return { value: undefined, done: true };
  }

  complete(_tag: number, result: number, flags: number, block: Block | undefined): void {
    const last = (flags & IORING_CQE_F_MORE) === 0;
    if (last) this.#slot = -1;
    const failed = result < 0 && !this.#operation.kind.successes.includes(-result);
    if (failed) this.#failed(result);
    else if (this.#operation.ends(result, flags)) this.#ended(result, flags);
    else this.#received(result, flags, block);
    if (!last) {
      if (this.#missed) this.#cancel();
      return;
    }
    for (const done of this.#returns.splice(0)) done();
    if (this.#ending) this.#settle();
    // The kernel ends a multishot operation silently, on overflow for one.
    else if (!this.#paused && !failed) this.#arm();
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
      this.#putsSeen = this.#operation.bufferRing?.puts ?? 0;
      this.#slot = this.#engine.begin(this.#operation, this, 0);
      this.#generation = this.#engine.slots.generations[this.#slot] as number;
    } catch (error) {
      this.#end(error);
    }
  }

  #received(result: number, flags: number, block: Block | undefined): void {
    this.#results++;
    const value = this.#operation.kind.decode(result, flags, this.#operation, block);
    if (this.#returned) {
      discard(value);
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value, done: false });
      return;
    }
    this.#queue.push(value);
    if (this.#queue.length >= QUEUE_MAX && !this.#paused && !this.#ending) {
      this.#paused = true;
      this.#cancelled = true;
      this.#cancel();
    }
  }

  #ended(result: number, flags: number): void {
    const id = bufferId(flags);
    if (id >= 0) this.#operation.bufferRing?.leaseOf(flags, result).release();
    this.#end(undefined);
  }

  #failed(result: number): void {
    if (this.#ending) return;
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
      buffers.ranOut(this.#putsSeen, () => this.#resume());
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
    else if (!this.#ending && this.#slot < 0 && this.#engine.open) this.#arm();
  }

  #cancel(): void {
    // A ring that is closing cancels everything by itself.
    if (this.#slot < 0 || !this.#engine.open || this.#engine.closing) return;
    this.#missed = false;
    const low = this.#engine.slots.userDataLow(this.#slot, this.#operation);
    const complete = (_tag: number, result: number): void => {
      this.#missed = result < 0;
    };
    this.#engine.begin(cancelUserData(low, this.#generation), { batched: true, complete }, 0);
  }

  /** What is queued, and what comes until the kernel lets go, can still be read before `error`. */
  #end(error: unknown): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#started = true;
    this.#error = error;
    if (this.#signal !== undefined) this.#engine.aborts.delete(this.#signal, this.#onAbort);
    this.#engine.streams.delete(this);
    if (this.#slot < 0) this.#settle();
    else this.#cancel();
  }

  /** The kernel has let go: the first who waits gets the error, everybody else the end. */
  #settle(): void {
    if (this.#waiters.length === 0) return;
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) this.#waiters.shift()?.reject(error);
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
  }
}
