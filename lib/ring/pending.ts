/** One operation in flight, for whoever wants to end it by name or to give it other terms. */
import { EALREADY, ECANCELED, ENOENT, IORING_OP_POLL_ADD, IORING_OP_TIMEOUT } from '../abi.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import type { Engine } from './engine.js';
import { cancelSlot } from './letting-go.js';
import type { Operation, SingleShot, UserData } from './operation.js';
import type { PollEvent } from './ops/poll-events.js';
import { pollUpdate } from './ops/poll-remove.js';
import { type TimeoutUpdateOptions, timeoutUpdate } from './ops/timeout-remove.js';
import { operationError, promiseOf, type RunOptions } from './sinks.js';

export type { TimeoutUpdateOptions };

/** What is asked of an operation that the kernel is at work on just then is asked again. */
const TRIES = 16;

/**
 * What `ring.begin` gives: an operation and its name in the kernel. When it has completed, all that
 * is asked of it answers false: its name is never given to another.
 */
export class Pending<Result> {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** As of `ring.run`. */
  readonly result: Promise<Result>;
  readonly #engine: Engine;
  readonly #operation: Operation<unknown>;
  #slot = -1;
  #name: UserData = { low: 0, high: 0 };

  /** @internal */
  constructor(engine: Engine, operation: SingleShot<Result>, options: RunOptions | undefined) {
    this.#engine = engine;
    this.#operation = operation;
    this.result = promiseOf(engine, operation, options, this.#begun);
  }

  readonly #begun = (slot: number): void => {
    const { slots } = this.#engine;
    this.#slot = slot;
    this.#name = {
      low: slots.userDataLow(slot),
      high: slots.generations[slot] as number,
    };
  };

  /** Whether the kernel has it, or its last completion has yet to be looked at. */
  get inFlight(): boolean {
    if (this.#slot < 0) return false;
    return this.#engine.open && this.#engine.slots.generations[this.#slot] === this.#name.high;
  }

  /**
   * Asks for its end; gives whether it was in flight still. `result` says how it ended: with
   * ECANCELED, or as if nothing had been asked when that was too late.
   *
   * @kernel 5.5 IORING_OP_ASYNC_CANCEL
   * @man io_uring_enter(2)
   */
  cancel(): Promise<boolean> {
    if (!this.#reachable) return Promise.resolve(false);
    // Who cancels it knows of its end, and need not look at it.
    this.result.catch(() => undefined);
    const { high } = this.#name;
    return new Promise((resolve) => cancelSlot(this.#engine, this.#slot, high, resolve));
  }

  /**
   * Gives an `op.timeout` another time; answers false when it was over.
   *
   * @kernel 5.11 IORING_TIMEOUT_UPDATE
   * @man io_uring_enter(2)
   */
  updateTimeout(ms: number, options: Omit<TimeoutUpdateOptions, 'link'> = {}): Promise<boolean> {
    this.#mustBe(IORING_OP_TIMEOUT, 'timeout');
    return this.#ask(() => timeoutUpdate(this.#name, ms, options));
  }

  /**
   * Makes an `op.pollAdd` wait for other events; answers false when it was over.
   *
   * @kernel 5.13 IORING_POLL_UPDATE_EVENTS
   * @man io_uring_enter(2)
   */
  updatePoll(events: readonly PollEvent[]): Promise<boolean> {
    this.#mustBe(IORING_OP_POLL_ADD, 'poll_add');
    return this.#ask(() => pollUpdate(this.#name, { events }));
  }

  /** A ring that is closing ends everything by itself, and takes no requests. */
  get #reachable(): boolean {
    return this.inFlight && !this.#engine.closing;
  }

  #mustBe(code: number, name: string): void {
    const { kind } = this.#operation;
    if (kind.code !== code) throw new TypeError(`the operation is a ${kind.name}, no ${name}`);
  }

  /** Also of one that is over the arguments are looked at: a mistake must not depend on time. */
  #ask(make: () => Operation<void>): Promise<boolean> {
    const first = make();
    return new Promise((resolve, reject) => {
      const ask = (request: Operation<void>, tries: number): void => {
        if (!this.#reachable) {
          resolve(false);
          return;
        }
        const complete = (_tag: number, result: number): void => {
          if (result >= 0) resolve(true);
          else if (result === -ENOENT || result === -EALREADY) {
            // It may have been found at work, to wait again afterwards.
            if (tries > 0) ask(make(), tries - 1);
            else resolve(false);
          } else if (result === -ECANCELED) resolve(false);
          else reject(operationError(result, request));
        };
        this.#engine.begin(request, { batched: true, complete }, 0);
      };
      ask(first, TRIES);
    });
  }
}
