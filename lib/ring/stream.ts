/**
 * A multishot operation as an async iterable: submitted when first asked, ended when no longer
 * wanted.
 */
import { discard } from './discard.js';
import type { Engine } from './engine.js';
import { Multishot } from './multishot.js';
import type { MultishotOperation } from './operation.js';
import type { Block } from './staging.js';

export interface StreamOptions {
  /**
   * Ends the iteration with an AbortError, once the kernel has let go and what had come before that
   * has been given.
   */
  signal?: AbortSignal;
}

/** A consumer that is this far behind makes the operation pause. */
const QUEUE_MAX = 1024;

type Waiter<Result> = {
  resolve(step: IteratorResult<Result, undefined>): void;
  reject(error: unknown): void;
};

export class MultishotStream<Result>
  extends Multishot<Result>
  implements AsyncIterableIterator<Result>
{
  /** @internal */
  readonly batched = false;
  readonly #queue: Result[] = [];
  readonly #waiters: Waiter<Result>[] = [];
  readonly #returns: (() => void)[] = [];
  #started = false;
  /** Nobody will read them: what still comes is closed or given back. */
  #returned = false;
  #error: unknown;

  /** @internal */
  constructor(engine: Engine, operation: MultishotOperation<Result>, options: StreamOptions) {
    super(engine, operation, options.signal);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Result, undefined>> {
    if (!this.#started) {
      this.#started = true;
      this.begin();
    }
    if (this.#queue.length > 0) {
      const value = this.#queue.shift() as Result;
      if (this.paused && this.#queue.length < QUEUE_MAX / 2) this.resume();
      return Promise.resolve({ value, done: false });
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.ending && !this.running) this.finished();
    });
  }

  /** Resolves when the kernel has let go: after `break` nothing of the operation is left. */
  async return(): Promise<IteratorResult<Result, undefined>> {
    this.#started = true;
    this.#returned = true;
    this.end(undefined);
    for (const value of this.#queue.splice(0)) discard(value);
    if (this.running) await new Promise<void>((resolve) => this.#returns.push(resolve));
    return { value: undefined, done: true };
  }

  /** @internal */
  protected received(result: number, flags: number, block: Block | undefined): void {
    const value = this.operation.kind.decode(result, flags, this.operation, block);
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
    if (this.#queue.length >= QUEUE_MAX) this.pause();
  }

  /** @internal */
  protected failed(error: unknown): void {
    this.#error = error;
  }

  /** @internal The first who waits gets the error, everybody else the end. */
  protected finished(): void {
    for (const done of this.#returns.splice(0)) done();
    if (this.#waiters.length === 0) return;
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) this.#waiters.shift()?.reject(error);
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ value: undefined, done: true });
  }
}
