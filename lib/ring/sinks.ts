/** The two ordinary ways to wait for an operation: a handler registered once, and a promise. */
import { AsyncResource } from 'node:async_hooks';
import {
  ECANCELED,
  EINTR,
  EINVAL,
  EOPNOTSUPP,
  ETIMEDOUT,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IOSQE_ASYNC,
} from '../abi.js';
import { abortError, completionError, UnsupportedError } from '../errors.js';
import { features, opSupported } from '../features.js';
import { kernel } from '../kernel.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { boolean, onlyKeys } from '../validate.js';
import { closedError } from './closed.js';
import type { Engine } from './engine.js';
import type { Operation, OperationKind } from './operation.js';
import { linkTimeout } from './ops/link-timeout.js';
import { timeout } from './ops/timeout.js';
import type { Sink } from './slots.js';
import { SQE_FLAGS_SHIFT } from './sqe.js';
import type { Block } from './staging.js';

/** Called with the tag of `start`, the result (`-errno` on failure) and IORING_CQE_F_* bits. */
export type CompletionHandler = (tag: number, result: number, flags: number) => void;

export interface HandlerOptions {
  /**
   * Run the nextTick queue and microtasks once after all completions of a wake-up, instead of after
   * each one as Node does between its own callbacks. Saves about 50 ns a completion; for handlers
   * that make no promises. Default false.
   */
  batched?: boolean;
  /**
   * Cancels all that was started with it; what is started later is refused. The ring keeps both
   * until the signal is aborted or the ring closed.
   */
  signal?: AbortSignal;
}

/** A handler, run in the async context in which it was registered. */
export class Handler implements Sink {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly takesNumbers = true;
  readonly batched: boolean;
  readonly signal: AbortSignal | undefined = undefined;
  /** @internal Nothing will be started with it any more: the ring need not keep it. */
  forget: () => void = () => undefined;
  readonly #resource = new AsyncResource('nearmetal.handler');
  readonly #call: CompletionHandler;

  constructor(call: CompletionHandler, options: HandlerOptions) {
    onlyKeys('options', options, ['batched', 'signal']);
    this.batched = boolean('batched', options.batched ?? false);
    this.signal = options.signal;
    this.#call = call;
  }

  enter(deliver: () => void): void {
    this.#resource.runInAsyncScope(deliver);
  }

  complete(tag: number, result: number, flags: number): void {
    if (this.batched) this.#call(tag, result, flags);
    else this.#resource.runInAsyncScope(this.#call, undefined, tag, result, flags);
  }
}

/** The user's memory was detached or shrunk in flight: what was received had nowhere to go. */
export class DetachedError extends TypeError {
  readonly code = 'ERR_NEARMETAL_DETACHED';

  constructor(bytesLost: number) {
    super(`${bytesLost} received bytes are lost: their buffer was detached or shrunk meanwhile`);
    this.name = 'DetachedError';
  }
}

/** How to wait for one operation. */
export interface RunOptions {
  /** Cancels the operation. The promise settles when the kernel has let go of its memory. */
  signal?: AbortSignal;
  /**
   * Cancels the operation after so many milliseconds (IORING_OP_LINK_TIMEOUT); fails with
   * ETIMEDOUT.
   */
  timeoutMs?: number;
}

export const RUN_KEYS: readonly string[] = ['signal', 'timeoutMs'];

type Resolve = (value: unknown) => void;
type Reject = (error: unknown) => void;

let resolveMade: Resolve;
let rejectMade: Reject;
/**
 * One function for every promise: an executor per operation would be an allocation per operation.
 */
const executor = (resolve: Resolve, reject: Reject): void => {
  resolveMade = resolve;
  rejectMade = reject;
};

/**
 * The error of an operation that completed with `-errno`; EINVAL may mean that the kernel has no
 * such operation, and EOPNOTSUPP too that it has not this form of it.
 */
export function operationError(errno: number, operation: Operation<unknown>): Error {
  const { kind, descriptor, fd, about } = operation;
  if (errno === -EINVAL && !opSupported(kind.code)) return unsupported(kind.name);
  const refused = errno === -EINVAL || errno === -EOPNOTSUPP;
  if (refused && isYounger(kind)) return tooOld(kind);
  const detail = descriptor === undefined ? about : { fd, ...about };
  return completionError(errno, `io_uring:${kind.name}`, detail);
}

function unsupported(name: string): UnsupportedError {
  const feature = `op:${name.toUpperCase()}`;
  const { since = '', detail, hint } = features.get(feature) ?? {};
  return new UnsupportedError({ feature, since, kernel: kernel.release, reason: detail, hint });
}

/**
 * True of a form that came after its opcode, and after this kernel. Opcodes themselves are carried
 * back to older kernels, and are probed for.
 */
function isYounger({ name, since }: OperationKind<unknown>): boolean {
  return !kernel.atLeast(since) && features.get(`op:${name.toUpperCase()}`)?.since !== since;
}

function tooOld({ name, since }: OperationKind<unknown>): UnsupportedError {
  const feature = `op:${name.toUpperCase()}`;
  const { release } = kernel;
  const reason = `this form of it needs Linux ${since}, this is ${release}`;
  return new UnsupportedError({ feature, since, kernel: release, reason });
}

/**
 * A worker thread that is told to give up has its call cut short: EINTR, or ERESTARTSYS and its
 * kin, which never leave the kernel otherwise. Nothing else interrupts an operation.
 */
export function withoutRestart(result: number): number {
  return (result <= -512 && result >= -516) || result === -EINTR ? -ECANCELED : result;
}

/** What cuts an operation short, and where it was started: most have nothing of it. */
interface Circumstances {
  /** Cancelled before this, it was by somebody else than `timeoutMs`. */
  deadline: number;
  signal?: AbortSignal;
  /** No signal and no limit any more. */
  onEnd?: () => void;
  /** With `debug`. */
  site?: Error;
}

const NOTHING_SPECIAL: Circumstances = { deadline: Number.POSITIVE_INFINITY };

class PromiseSink implements Sink {
  private readonly operation: Operation<unknown>;
  private readonly resolve: Resolve;
  private readonly reject: Reject;
  circumstances: Circumstances | undefined = undefined;
  /** After the first of two completions: the result, or why there is none, until the second. */
  private first: { value: unknown } | { failure: Error } | undefined = undefined;

  constructor(operation: Operation<unknown>) {
    this.operation = operation;
    this.resolve = resolveMade;
    this.reject = rejectMade;
    this.circumstances = undefined;
    this.first = undefined;
  }

  get batched(): boolean {
    return true;
  }

  get settles(): boolean {
    return true;
  }

  complete(_tag: number, answer: number, flags: number, block: Block | undefined): void {
    if (this.first !== undefined) {
      this.second(this.first, answer, flags);
      return;
    }
    const result = answer < 0 ? withoutRestart(answer) : answer;
    this.circumstances?.onEnd?.();
    if (block !== undefined && block.bytesLost > 0) {
      this.reject(new DetachedError(block.bytesLost));
      return;
    }
    const { operation } = this;
    if (result < 0 && !operation.kind.successes.includes(-result)) {
      const error = this.error(result);
      if ((flags & IORING_CQE_F_MORE) !== 0) this.first = { failure: error };
      else this.reject(error);
      return;
    }
    try {
      const value = operation.kind.decode(result, flags, operation, block);
      if ((flags & IORING_CQE_F_MORE) !== 0) this.first = { value };
      this.resolve(value);
    } catch (error) {
      this.reject(error);
    }
  }

  /** The kernel has let go of the memory, or the ring has given the operation up. */
  private second(
    first: { value: unknown } | { failure: Error },
    answer: number,
    flags: number,
  ): void {
    if ('failure' in first) this.reject(first.failure);
    else {
      const result = (flags & IORING_CQE_F_NOTIF) !== 0 ? answer : undefined;
      this.operation.kind.notified?.(first.value, result);
    }
  }

  private error(result: number): Error {
    const { deadline, signal, site } = this.circumstances ?? NOTHING_SPECIAL;
    const cancelled = result === -ECANCELED;
    if (cancelled && signal?.aborted) return abortError(signal);
    const errno = cancelled && performance.now() >= deadline ? -ETIMEDOUT : result;
    const error = operationError(errno, this.operation);
    if (site?.stack !== undefined) {
      const callers = site.stack.split('\n').slice(3).join('\n');
      error.stack = `${error.name}: ${error.message}\n${callers}`;
    }
    return error;
  }
}

/**
 * Waits for the timeout of one operation. A kernel short of memory takes a chain in two parts: the
 * timeout then stands alone and is refused, and one of its own ends the operation instead.
 */
class LinkTimeoutSink implements Sink {
  readonly batched = true;
  readonly #engine: Engine;
  readonly #slot: number;
  readonly #generation: number;
  readonly #timeoutMs: number;

  constructor(engine: Engine, slot: number, timeoutMs: number) {
    this.#engine = engine;
    this.#slot = slot;
    this.#generation = engine.slots.generations[slot] as number;
    this.#timeoutMs = timeoutMs;
  }

  complete(_tag: number, result: number): void {
    const engine = this.#engine;
    const pending = engine.slots.generations[this.#slot] === this.#generation;
    if (result !== -EINVAL || engine.closing || !pending) return;
    const complete = (): void => engine.cancels.ask(this.#slot, this.#generation);
    engine.begin(timeout(this.#timeoutMs), { batched: true, complete }, 0);
  }
}

/** Starts `operation` and answers a promise of its result; `begun` hears of its slot. */
export function promiseOf<Result>(
  engine: Engine,
  operation: Operation<Result>,
  options: RunOptions | undefined,
  begun?: (slot: number) => void,
): Promise<Result> {
  if (!engine.open || engine.closing) return Promise.reject(closedError());
  const signal = options?.signal;
  if (signal?.aborted) return Promise.reject(abortError(signal));
  const promise = new Promise<unknown>(executor) as Promise<Result>;
  const sink = new PromiseSink(operation as Operation<unknown>);
  if (engine.plan.debug) special(sink).site = new Error('started here');
  const plain = options === undefined;
  const slot = plain
    ? engine.begin(operation as Operation<unknown>, sink, 0)
    : beginWith(engine, operation as Operation<unknown>, sink, options);
  begun?.(slot);
  return promise;
}

function special(sink: PromiseSink): Circumstances {
  sink.circumstances ??= { ...NOTHING_SPECIAL };
  return sink.circumstances;
}

function beginWith(
  engine: Engine,
  operation: Operation<unknown>,
  sink: PromiseSink,
  { signal, timeoutMs }: RunOptions,
): number {
  let slot: number;
  if (timeoutMs === undefined) slot = engine.begin(operation, sink, 0);
  else if (!canLimit(engine, operation)) slot = beginTimed(engine, operation, sink, timeoutMs);
  else {
    const limit = linkTimeout(timeoutMs);
    special(sink).deadline = performance.now() + timeoutMs;
    slot = engine.beginLinked(operation, sink);
    engine.begin(limit, new LinkTimeoutSink(engine, slot, timeoutMs), 0);
  }
  if (signal === undefined) return slot;
  const circumstances = special(sink);
  const { onEnd } = circumstances;
  const cancel = canceller(engine, slot);
  circumstances.signal = signal;
  circumstances.onEnd = () => {
    engine.aborts.delete(signal, cancel);
    onEnd?.();
  };
  engine.aborts.add(signal, cancel);
  return slot;
}

/** Whether a timeout that is linked to it does: the two are a chain, which needs two entries. */
function canLimit(engine: Engine, operation: Operation<unknown>): boolean {
  return engine.submission.entries > 1 && !startsInWorker(operation);
}

/**
 * The kernel arms a linked timeout when the first try of an operation is over (seen on 6.12,
 * 6.18 and 7.3), which for one that starts in a worker thread is too late.
 */
export function startsInWorker({ head, kind }: Operation<unknown>): boolean {
  return kind.inWorker || (head & (IOSQE_ASYNC << SQE_FLAGS_SHIFT)) !== 0;
}

/** With a timeout of its own, which is given up when the operation ends first. */
function beginTimed(
  engine: Engine,
  operation: Operation<unknown>,
  sink: PromiseSink,
  timeoutMs: number,
): number {
  const limit = timeout(timeoutMs);
  const circumstances = special(sink);
  circumstances.deadline = performance.now() + timeoutMs;
  const slot = engine.begin(operation, sink, 0);
  const cancelOperation = canceller(engine, slot);
  let timing = true;
  const complete = (): void => {
    timing = false;
    cancelOperation();
  };
  const cancelLimit = canceller(engine, engine.begin(limit, { batched: true, complete }, 0));
  circumstances.onEnd = () => {
    if (timing) cancelLimit();
  };
  return slot;
}

/** Asks for the end of what is in flight in a slot now, if it still is. */
function canceller(engine: Engine, slot: number): () => void {
  const generation = engine.slots.generations[slot] as number;
  return () => engine.cancels.ask(slot, generation);
}
