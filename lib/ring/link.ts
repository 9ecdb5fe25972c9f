/** Chains: operations that the kernel runs one after the other, as one promise of all results. */
import {
  ECANCELED,
  ETIME,
  ETIMEDOUT,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../abi.js';
import { abortError } from '../errors.js';
import { invalidType, invalidValue } from '../validate.js';
import { closedError } from './closed.js';
import { discard } from './discard.js';
import type { Engine, Link } from './engine.js';
import { MultishotOperation, Operation, type SingleShot } from './operation.js';
import { linkTimeout } from './ops/link-timeout.js';
import { milliseconds } from './ops/timespec.js';
import { DetachedError, operationError, startsInWorker, withoutRestart } from './sinks.js';
import type { Sink } from './slots.js';
import type { Block } from './staging.js';

/** An operation of a chain with a time limit of its own; made by `within`. */
export class Within<Result> {
  readonly operation: SingleShot<Result>;
  readonly timeoutMs: number;

  constructor(operation: SingleShot<Result>, timeoutMs: number) {
    this.operation = operation;
    this.timeoutMs = timeoutMs;
  }
}

/**
 * Limits the time of one operation of a chain, from when the kernel starts it: then it fails with
 * ETIMEDOUT.
 *
 * Not for operations that the kernel leaves to a worker thread (`async`, and those that it always
 * runs there): it would arm the timer when they are done.
 *
 * @kernel 5.5 IORING_OP_LINK_TIMEOUT
 * @man io_uring_enter(2)
 */
export function within<Result>(operation: SingleShot<Result>, timeoutMs: number): Within<Result> {
  single('operation', operation);
  milliseconds('timeoutMs', timeoutMs);
  if (startsInWorker(operation)) {
    throw invalidValue('operation', 'must not be one that a worker thread runs', operation);
  }
  return new Within(operation, timeoutMs);
}

/** What a chain is made of. */
export type Linkable<Result = unknown> = SingleShot<Result> | Within<Result>;

/** The results of a chain, one for each operation. */
export type LinkResults<Chain extends readonly Linkable[]> = {
  -readonly [Index in keyof Chain]: Chain[Index] extends Within<infer Result>
    ? Result
    : Chain[Index] extends Operation<infer Result>
      ? Result
      : never;
};

/** How the operations of a chain ended, one for each. */
export type LinkOutcomes = readonly PromiseSettledResult<unknown>[];

export interface LinkOptions {
  /**
   * IOSQE_IO_HARDLINK: each starts when the one before it has ended, however it did. Default false:
   * one that fails, or that moves fewer bytes than asked, ends the chain.
   */
  hard?: boolean;
  /** Cancels what has not ended. The promise settles when the kernel has let go of all memory. */
  signal?: AbortSignal;
}

/**
 * A chain that did not run to its end.
 *
 * What had succeeded before is in `results`, descriptors included: they are the catcher's to close.
 */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly code: string;
  /**
   * The first operation that failed. What is behind it has failed with ECANCELED, unless the chain
   * is hard or it was an `fsync`, whose failure does not end a chain.
   */
  readonly index: number;
  /** It had succeeded, but less than the kernel goes on for: it moved fewer bytes than asked. */
  readonly short: boolean;
  readonly results: LinkOutcomes;

  /** @internal */
  constructor(
    index: number,
    short: boolean,
    results: LinkOutcomes,
    operations: Operation<unknown>[],
  ) {
    const outcome = results[index] as PromiseSettledResult<unknown>;
    const operation = operations[index] as Operation<unknown>;
    const cause = outcome.status === 'rejected' ? outcome.reason : undefined;
    const which = `operation ${index + 1} of ${results.length}, ${operation.kind.name}`;
    const why = cause === undefined ? successThatEnds(operation, outcome) : cause.message;
    super(`the chain ended at ${which}: ${why}`, cause === undefined ? undefined : { cause });
    this.code = cause === undefined ? 'ERR_NEARMETAL_SHORT' : (cause.code ?? 'ERR_NEARMETAL_LINK');
    this.index = index;
    this.short = short;
    this.results = results;
  }
}

/** Why the kernel did not go on after an operation that succeeded; undefined when it did. */
function successThatEnds(
  { length, kind, staged }: Operation<unknown>,
  outcome: PromiseSettledResult<unknown>,
): string | undefined {
  const value = outcome.status === 'fulfilled' ? outcome.value : undefined;
  // Of a vectored operation, `length` is how many views there are.
  const asked = staged.length > 1 ? staged.reduce((sum, view) => sum + view.length, 0) : length;
  if (typeof value === 'number' && value < asked) return `it moved ${value} of ${asked} bytes`;
  // Errors that mean success, such as ETIME of a timeout, are errors to it.
  if (kind.successes.length > 0) return `the kernel does not go on after a ${kind.name}`;
  return undefined;
}

/** Queues the chain and answers a promise of its results. */
export function linkOf(
  engine: Engine,
  chain: readonly Linkable[],
  { hard = false, signal }: LinkOptions,
): Promise<unknown[]> {
  if (!Array.isArray(chain) || chain.length === 0) {
    throw invalidType('chain', 'an array of one or more operations', chain);
  }
  const operations = chain.map((one, index) =>
    one instanceof Within ? one.operation : single(`chain[${index}]`, one),
  );
  const limits = chain.map((one) =>
    one instanceof Within ? linkTimeout(one.timeoutMs) : undefined,
  );
  const length = operations.length + limits.filter((limit) => limit !== undefined).length;
  const { entries } = engine.submission;
  if (length > entries) {
    const most = `must have at most ${entries} operations and time limits: the ring's \`entries\``;
    throw invalidValue('chain', most, length);
  }
  if (!engine.open || engine.closing) return Promise.reject(closedError());
  if (signal?.aborted) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const sink = new ChainSink(engine, operations, hard, signal, resolve, reject);
    sink.begin(limits);
  });
}

/** Tags of a chain's completions: the place of the operation, and whether it is of its limit. */
const LIMIT = 2 ** 20;

class ChainSink implements Sink {
  readonly batched = false;
  readonly #engine: Engine;
  readonly #operations: Operation<unknown>[];
  readonly #hard: boolean;
  readonly #signal: AbortSignal | undefined = undefined;
  readonly #resolve: (results: unknown[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #results: (PromiseSettledResult<unknown> | undefined)[];
  readonly #expired: boolean[];
  readonly #site: Error | undefined = undefined;
  #slots: readonly number[] = [];
  #generations: readonly number[] = [];
  #pending = 0;

  constructor(
    engine: Engine,
    operations: Operation<unknown>[],
    hard: boolean,
    signal: AbortSignal | undefined,
    resolve: (results: unknown[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.#engine = engine;
    this.#operations = operations;
    this.#hard = hard;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#results = operations.map(() => undefined);
    this.#expired = operations.map(() => false);
    this.#site = engine.plan.debug ? new Error() : undefined;
  }

  begin(limits: readonly (Operation<unknown> | undefined)[]): void {
    const links: Link[] = [];
    for (const [index, operation] of this.#operations.entries()) {
      links.push({ operation, sink: this, tag: index });
      const limit = limits[index];
      if (limit !== undefined) links.push({ operation: limit, sink: this, tag: index + LIMIT });
    }
    this.#pending = links.length;
    const flag = this.#hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
    this.#slots = this.#engine.beginChain(links, flag);
    const { generations } = this.#engine.slots;
    this.#generations = this.#slots.map((slot) => generations[slot] as number);
    if (this.#signal !== undefined) this.#engine.aborts.add(this.#signal, this.#onAbort);
  }

  /** All of them: with hard links the next would start otherwise. */
  readonly #onAbort = (): void => {
    for (const [index, slot] of this.#slots.entries()) {
      this.#engine.cancels.ask(slot, this.#generations[index] as number);
    }
  };

  complete(tag: number, result: number, flags: number, block: Block | undefined): void {
    if (tag >= LIMIT) {
      // It may be told of before the operation that it ended, or after.
      this.#expired[tag - LIMIT] = result === -ETIME;
    } else if (this.#results[tag] === undefined) {
      this.#results[tag] = this.#outcome(tag, result, flags, block);
    } else this.#second(tag, result, flags);
    if ((flags & IORING_CQE_F_MORE) === 0 && --this.#pending === 0) this.#settle();
  }

  /** Of a send without a copy: the kernel has let go of the memory. */
  #second(index: number, answer: number, flags: number): void {
    const first = this.#results[index] as PromiseSettledResult<unknown>;
    if (first.status === 'rejected') return;
    const result = (flags & IORING_CQE_F_NOTIF) !== 0 ? answer : undefined;
    (this.#operations[index] as Operation<unknown>).kind.notified?.(first.value, result);
  }

  #outcome(
    index: number,
    answer: number,
    flags: number,
    block: Block | undefined,
  ): PromiseSettledResult<unknown> {
    const operation = this.#operations[index] as Operation<unknown>;
    const result = withoutRestart(answer);
    if (block !== undefined && block.bytesLost > 0) {
      return { status: 'rejected', reason: new DetachedError(block.bytesLost) };
    }
    if (result < 0 && !operation.kind.successes.includes(-result)) {
      return { status: 'rejected', reason: this.#withSite(operationError(result, operation)) };
    }
    try {
      return { status: 'fulfilled', value: operation.kind.decode(result, flags, operation, block) };
    } catch (reason) {
      return { status: 'rejected', reason };
    }
  }

  #settle(): void {
    if (this.#signal !== undefined) this.#engine.aborts.delete(this.#signal, this.#onAbort);
    const results = this.#results as PromiseSettledResult<unknown>[];
    for (const [index, expired] of this.#expired.entries()) {
      const outcome = results[index] as PromiseSettledResult<unknown>;
      if (!expired || !isCancelled(outcome)) continue;
      const operation = this.#operations[index] as Operation<unknown>;
      results[index] = {
        status: 'rejected',
        reason: this.#withSite(operationError(-ETIMEDOUT, operation)),
      };
    }
    const failed = results.findIndex(({ status }) => status === 'rejected');
    if (failed < 0) {
      this.#resolve(results.map((one) => (one as PromiseFulfilledResult<unknown>).value));
    } else if (this.#signal?.aborted && results.some(isCancelled)) {
      // Nobody will receive what had succeeded.
      for (const one of results) if (one.status === 'fulfilled') discard(one.value);
      this.#reject(abortError(this.#signal));
    } else this.#reject(this.#errorAt(failed, results));
  }

  #errorAt(failed: number, results: PromiseSettledResult<unknown>[]): LinkError {
    // Cancelled, perhaps since the one before it did less than it was asked for.
    const before = failed - 1;
    const short =
      !this.#hard &&
      before >= 0 &&
      isCancelled(results[failed] as PromiseSettledResult<unknown>) &&
      successThatEnds(
        this.#operations[before] as Operation<unknown>,
        results[before] as PromiseSettledResult<unknown>,
      ) !== undefined;
    const error = new LinkError(short ? before : failed, short, results, this.#operations);
    return this.#withSite(error);
  }

  #withSite<Made extends Error>(error: Made): Made {
    if (this.#site?.stack !== undefined) {
      const callers = this.#site.stack.split('\n').slice(4).join('\n');
      error.stack = `${error.name}: ${error.message}\n${callers}`;
    }
    return error;
  }
}

function isCancelled(outcome: PromiseSettledResult<unknown>): boolean {
  return outcome.status === 'rejected' && outcome.reason?.errno === -ECANCELED;
}

function single(name: string, value: unknown): Operation<unknown> {
  if (value instanceof Operation && !(value instanceof MultishotOperation)) return value;
  throw invalidType(name, 'a single-shot operation made by `op`, or `within` of one', value);
}
