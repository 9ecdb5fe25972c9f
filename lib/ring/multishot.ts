/**
 * A multishot operation that is kept going: submitted again when it ends without a reason, tried
 * again when there are buffers, and made an ordinary one where the kernel has no multishot form.
 */
import { ECANCELED, EINVAL, ENOBUFS, IORING_CQE_F_MORE } from '../abi.js';
import { abortError } from '../errors.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { bufferId } from './cqe.js';
import type { Engine } from './engine.js';
import type { MultishotOperation } from './operation.js';
import { operationError } from './sinks.js';
import type { Block } from './staging.js';

export abstract class Multishot<Result> {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** @internal */
  abstract readonly batched: boolean;
  /** @internal */
  readonly operation: MultishotOperation<Result>;
  /** @internal No more results are asked for: those until the kernel lets go are the last. */
  protected ending = false;
  /** @internal Waits without an operation in flight: for its consumer, or for buffers. */
  protected paused = false;
  readonly #engine: Engine;
  readonly #signal: AbortSignal | undefined = undefined;
  /** Slot and generation of the submission in force. */
  #slot = -1;
  #generation = 0;
  /** How many buffers had been given to the pool when it was submitted. */
  #putsSeen = 0;
  /** Our own request to cancel it is under way, so that it can be paused. */
  #pausing = false;
  #results = 0;
  /** It has been submitted: a descriptor that is closed now was closed by somebody since. */
  #begun = false;

  /** @internal */
  constructor(
    engine: Engine,
    operation: MultishotOperation<Result>,
    signal: AbortSignal | undefined,
  ) {
    this.#engine = engine;
    this.operation = operation;
    this.#signal = signal;
  }

  /** @internal One result, as the kernel told it. */
  protected abstract received(result: number, flags: number, block: Block | undefined): void;
  /** @internal It will end, with an error unless it ended by itself or was to. */
  protected abstract failed(error: unknown): void;
  /** @internal The kernel has let go for good; may be called again. */
  protected abstract finished(): void;

  /** @internal Whether the kernel has it. */
  get running(): boolean {
    return this.#slot >= 0;
  }

  /** @internal */
  complete(_tag: number, result: number, flags: number, block: Block | undefined): void {
    const last = (flags & IORING_CQE_F_MORE) === 0;
    const pausing = this.#pausing;
    if (last) {
      this.#slot = -1;
      this.#pausing = false;
    }
    const { successes, unsignedMore } = this.operation.kind;
    const failed = result < 0 && !successes.includes(-result) && (last || !unsignedMore);
    try {
      if (failed) this.#refused(result, pausing);
      else if (this.operation.ends(result, flags)) this.#atEnd(result, flags);
      else {
        this.#results++;
        this.received(result, flags, block);
      }
    } finally {
      // A receiver that throws has had its result: what follows is for it all the same.
      if (last && this.ending) this.finished();
      // The kernel ends a multishot operation silently, on overflow for one.
      else if (last && !this.paused && !failed) this.#arm();
    }
  }

  /** @internal Submits it for the first time. */
  protected begin(): void {
    const signal = this.#signal;
    if (signal?.aborted) {
      this.end(abortError(signal));
      return;
    }
    if (signal !== undefined) this.#engine.aborts.add(signal, this.#onAbort);
    this.#engine.streams.add(this);
    this.#arm();
  }

  /** @internal Nothing will come any more, also not to one that waits without an operation. */
  ringClosed(): void {
    this.#slot = -1;
    this.end(operationError(this.#engine.verdict, this.operation));
    this.finished();
  }

  /** @internal Ends one that waits without an operation in flight, as if cancelled. */
  cancelPaused(): void {
    this.end(operationError(-ECANCELED, this.operation));
  }

  /** @internal Asks for the end; what comes until then still goes to `received`. */
  protected end(error: unknown): void {
    if (this.ending) return;
    this.ending = true;
    this.failed(error);
    if (this.#signal !== undefined) this.#engine.aborts.delete(this.#signal, this.#onAbort);
    this.#engine.streams.delete(this);
    if (this.#slot < 0) this.finished();
    else this.#cancel();
  }

  /** @internal Lets the consumer catch up. */
  protected pause(): void {
    if (this.paused || this.ending) return;
    this.paused = true;
    this.#pausing = true;
    this.#cancel();
  }

  /** @internal */
  protected resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.ending && this.#slot < 0 && this.#engine.open) this.#arm();
  }

  readonly #onAbort = (): void => {
    this.end(abortError(this.#signal as AbortSignal));
  };

  /** Submits; what cannot be again ends as cancelled, or as one that has no buffer. */
  #arm(): void {
    try {
      this.#putsSeen = this.operation.bufferRing?.puts ?? 0;
      this.#slot = this.#engine.begin(this.operation, this, 0);
      this.#generation = this.#engine.slots.generations[this.#slot] as number;
      this.#begun = true;
    } catch (error) {
      const { descriptor, fd, bufferRing } = this.operation;
      const closed = descriptor !== undefined && descriptor.fd !== fd;
      const lost = this.#begun && (closed || bufferRing?.disposed);
      this.end(lost ? operationError(closed ? -ECANCELED : -ENOBUFS, this.operation) : error);
    }
  }

  #atEnd(result: number, flags: number): void {
    if (bufferId(flags) >= 0) this.operation.bufferRing?.leaseOf(flags, result).release();
    this.end(undefined);
  }

  #refused(result: number, pausing: boolean): void {
    if (this.ending) return;
    if (pausing && result === -ECANCELED) {
      // The consumer may have caught up by now.
      if (!this.paused) this.#arm();
      return;
    }
    const buffers = this.operation.bufferRing;
    if (result === -ENOBUFS && buffers !== undefined && !buffers.disposed) {
      this.#engine.bufferShortages++;
      this.paused = true;
      buffers.ranOut(this.#putsSeen, () => this.resume());
      return;
    }
    // A kernel without the multishot form refuses the first one.
    if (result === -EINVAL && this.#results === 0 && this.operation.lower !== undefined) {
      this.operation.lower();
      this.operation.lower = undefined;
      this.#arm();
      return;
    }
    this.end(operationError(result, this.operation));
  }

  #cancel(): void {
    if (this.#slot >= 0) this.#engine.cancels.ask(this.#slot, this.#generation);
  }
}
