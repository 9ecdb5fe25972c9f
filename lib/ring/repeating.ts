/** A multishot operation whose results go to a function, for as long as it is wanted. */
import { AsyncResource } from 'node:async_hooks';
import { boolean, invalidType, onlyKeys } from '../validate.js';
import type { Engine } from './engine.js';
import { Multishot } from './multishot.js';
import type { MultishotOperation } from './operation.js';

/** Called with the result, which is no error, and IORING_CQE_F_* bits. */
export type ResultHandler = (result: number, flags: number) => void;

export interface RepeatOptions {
  /**
   * Gets each result as the kernel told it: a descriptor number is its own to adopt or close, bytes
   * in a provided buffer are its own to `take` and `recycle`.
   */
  each: ResultHandler;
  /**
   * Called once, when the kernel has let go: without an error when the operation came to its end or
   * `cancel` was called, with an AbortError when `signal` was aborted.
   */
  end: (error: Error | undefined) => void;
  /** As of `ring.handler`. Default false. */
  batched?: boolean;
  signal?: AbortSignal;
}

/** What `ring.startMultishot` gives: a multishot operation that is kept going. */
export class Repeating extends Multishot<unknown> {
  /** @internal */
  readonly batched: boolean;
  /** @internal */
  readonly takesNumbers = true;
  readonly #resource = new AsyncResource('nearmetal.multishot');
  readonly #each: ResultHandler;
  readonly #end: (error: Error | undefined) => void;
  #error: unknown;
  #ended = false;

  /** @internal */
  constructor(engine: Engine, operation: MultishotOperation<unknown>, options: RepeatOptions) {
    onlyKeys('options', options, ['each', 'end', 'batched', 'signal']);
    if (typeof options.each !== 'function') throw invalidType('each', 'a function', options.each);
    if (typeof options.end !== 'function') throw invalidType('end', 'a function', options.end);
    super(engine, operation, options.signal);
    this.batched = boolean('batched', options.batched ?? false);
    this.#each = options.each;
    this.#end = options.end;
  }

  /** False once `end` has been called. */
  get active(): boolean {
    return !this.#ended;
  }

  /** Asks for the end; what comes until then still goes to `each`. */
  cancel(): void {
    this.end(undefined);
  }

  /** @internal */
  start(): this {
    this.begin();
    return this;
  }

  /** @internal */
  enter(deliver: () => void): void {
    this.#resource.runInAsyncScope(deliver);
  }

  /** @internal */
  protected received(result: number, flags: number): void {
    if (this.batched) this.#each(result, flags);
    else this.#resource.runInAsyncScope(this.#each, undefined, result, flags);
  }

  /** @internal */
  protected failed(error: unknown): void {
    this.#error = error;
  }

  /** @internal Never from inside the call that asked for it. */
  protected finished(): void {
    if (this.#ended) return;
    this.#ended = true;
    const error = this.#error as Error | undefined;
    queueMicrotask(() => this.#resource.runInAsyncScope(this.#end, undefined, error));
  }
}
