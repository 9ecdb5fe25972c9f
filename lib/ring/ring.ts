/**
 * A ring: the door through which operations are started, and the owner of all that belongs to them.
 */

import { abortError } from '../errors.js';
import { type DirectFd, descriptor, type FdLike } from '../fd/fd.js';
import { boolean, invalidType, onlyKeys } from '../validate.js';
import { BufferRing, type BufferRingOptions } from './buffer-ring.js';
import { type CancelTarget, cancelWhere, wantedBy } from './cancelling.js';
import { closedError } from './closed.js';
import { closeEngine } from './closing.js';
import { Engine } from './engine.js';
import { type Linkable, type LinkOptions, type LinkResults, linkOf } from './link.js';
import type { MessageHandler, MessageStream, MessagesOptions } from './mailbox.js';
import { MultishotOperation, Operation, type SingleShot } from './operation.js';
import { planRing, type RingOptions } from './options.js';
import { type OwnLoopOptions, runOwnLoop } from './own-loop.js';
import { Pending } from './pending.js';
import { Registrations } from './registrations/methods.js';
import { Repeating, type RepeatOptions } from './repeating.js';
import { runOptions, singleShot } from './run-arguments.js';
import type { SendPool, SendPoolOptions } from './send-pool.js';
import { sendPoolOf } from './send-pool-of.js';
import { descriptorOf } from './setup.js';
import {
  type CompletionHandler,
  Handler,
  type HandlerOptions,
  promiseOf,
  type RunOptions,
} from './sinks.js';
import type { RingStats } from './stats.js';
import { MultishotStream, type StreamOptions } from './stream.js';
import { ZeroCopySender, type ZeroCopySenderOptions } from './zero-copy-sender.js';

/**
 * An io_uring of this thread.
 *
 * Operations queued in one turn of the event loop go to the kernel together, in one call. The ring
 * keeps the process alive while operations are pending, and not otherwise. It belongs to the thread
 * that opened it. When the thread ends the ring is drained and closed by the library.
 *
 * @kernel 5.10 or later; 6.1 or later recommended (task work runs when the loop asks for it)
 * @man io_uring(7)
 */
export class Ring extends Registrations implements AsyncDisposable {
  readonly #engine: Engine;
  #closing: Promise<void> | undefined = undefined;

  private constructor(engine: Engine) {
    super();
    this.#engine = engine;
  }

  /**
   * Makes a ring.
   *
   * @errno EPERM io_uring is refused here (sysctl, seccomp): the hint says which and what to do
   * @errno ENOMEM RLIMIT_MEMLOCK is too small for this many entries
   * @kernel 5.1 io_uring_setup
   * @man io_uring_setup(2)
   */
  static open(options: RingOptions = {}): Ring {
    return new Ring(new Engine(planRing(options)));
  }

  /**
   * The ring's descriptor: for `attachWq`, and to be looked at under /proc/self/fdinfo. -1 with
   * `registeredFdOnly`.
   */
  get fd(): number {
    return descriptorOf(this.#engine.fd);
  }

  /** @internal */
  protected override live(): Engine {
    if (this.closed) throw closedError();
    return this.#engine;
  }

  get closed(): boolean {
    return this.#closing !== undefined || !this.#engine.open;
  }

  /** IORING_SETUP_* bits that the ring was made with. */
  get setupFlags(): number {
    return this.#engine.flags;
  }

  /** IORING_FEAT_* bits that the kernel answered. */
  get features(): number {
    return this.#engine.features;
  }

  get stats(): RingStats {
    return this.#engine.stats;
  }

  // --- the full door -----------------------------------------------------------------------------

  /**
   * Starts an operation and answers a promise of its result.
   *
   * The promise settles when the kernel is finished with the operation's memory, also when `signal`
   * or `timeoutMs` cut it short: then with an AbortError or ETIMEDOUT, unless the result came
   * first.
   */
  override run<Result>(operation: SingleShot<Result>, options?: RunOptions): Promise<Result> {
    singleShot(operation);
    if (this.#closing !== undefined) return Promise.reject(closedError());
    if (options === undefined) return promiseOf(this.#engine, operation, undefined);
    return promiseOf(this.#engine, operation, runOptions(options));
  }

  /**
   * As `run`, and gives the operation itself beside its result: to end it alone, to give a timeout
   * another time, or a poll other events.
   *
   *     const waiting = ring.begin(op.timeout(1000));
   *     await waiting.updateTimeout(5000);
   *     await waiting.cancel(); // `waiting.result` rejects with ECANCELED
   */
  begin<Result>(operation: SingleShot<Result>, options?: RunOptions): Pending<Result> {
    singleShot(operation);
    if (this.closed) throw closedError();
    return new Pending(this.#engine, operation, options && runOptions(options));
  }

  /**
   * Runs operations one after the other, in the kernel: each starts when the one before it has
   * succeeded. Answers a promise of all results, in their order.
   *
   *     const [, count] = await ring.link([op.write(file, bytes, { offset: 0 }), op.fsync(file)]);
   *
   * They go to the kernel together, whatever else is queued. One that fails, or that moves fewer
   * bytes than asked, ends the chain: the promise rejects with a `LinkError`. `within` limits the
   * time of one of them.
   *
   * @kernel 5.3 IOSQE_IO_LINK; 5.5 `hard`
   * @man io_uring_enter(2)
   */
  link<const Chain extends readonly [Linkable, ...Linkable[]]>(
    chain: Chain,
    options: LinkOptions = {},
  ): Promise<LinkResults<Chain>> {
    onlyKeys('options', options, ['hard', 'signal']);
    boolean('hard', options.hard ?? false);
    if (options.signal !== undefined) runOptions({ signal: options.signal });
    if (this.#closing !== undefined) return Promise.reject(closedError());
    return linkOf(this.#engine, chain, options) as Promise<LinkResults<Chain>>;
  }

  /** Runs a multishot operation as an async iterable; leaving the loop cancels it. */
  override stream<Result>(
    operation: MultishotOperation<Result>,
    options: StreamOptions = {},
  ): MultishotStream<Result> {
    if (!(operation instanceof MultishotOperation)) {
      throw invalidType('operation', 'a multishot operation made by `op`', operation);
    }
    onlyKeys('options', options, ['signal']);
    runOptions(options);
    if (this.closed) throw closedError();
    return new MultishotStream(this.#engine, operation, options);
  }

  /** Registers a function for `start`; it runs in the async context of this call. */
  handler(call: CompletionHandler, options: HandlerOptions = {}): Handler {
    if (typeof call !== 'function') throw invalidType('call', 'a function', call);
    const { signal } = options;
    if (signal !== undefined) runOptions({ signal });
    const handler = new Handler(call, options);
    if (signal !== undefined && !this.closed) {
      const { aborts } = this.#engine;
      const cancel = (): void => void this.cancel({ handler }).catch(() => undefined);
      aborts.add(signal, cancel);
      handler.forget = () => aborts.delete(signal, cancel);
    }
    return handler;
  }

  /**
   * Starts an operation whose completions go to `handler(tag, result, flags)`: nothing is
   * allocated.
   *
   * `result` is raw: `-errno` on failure, a descriptor number for those that give one (the receiver
   * adopts or closes it). The operation may be changed and started again at once.
   */
  start(operation: Operation<unknown>, handler: Handler, tag = 0): void {
    if (!(operation instanceof Operation)) {
      throw invalidType('operation', 'an operation made by `op`', operation);
    }
    if (!(handler instanceof Handler)) {
      throw invalidType('handler', 'made by `ring.handler`', handler);
    }
    if (this.#closing !== undefined) throw closedError();
    if (handler.signal?.aborted) throw abortError(handler.signal);
    this.#engine.begin(operation, handler, tag);
  }

  /**
   * Starts a multishot operation whose results go to `each`, without an allocation for any.
   *
   * It is kept going: what the kernel ends by itself is submitted again, what finds no buffer waits
   * for one, and a kernel that lacks the multishot form gets one operation after the other. `end`
   * is called when it is over, and why.
   */
  startMultishot(operation: MultishotOperation<unknown>, options: RepeatOptions): Repeating {
    if (!(operation instanceof MultishotOperation)) {
      throw invalidType('operation', 'a multishot operation made by `op`', operation);
    }
    if (typeof options !== 'object' || options === null) {
      throw invalidType('options', 'an object with `each` and `end`', options);
    }
    if (options.signal !== undefined) runOptions({ signal: options.signal });
    if (this.closed) throw closedError();
    return new Repeating(this.#engine, operation, options).start();
  }

  /**
   * Asks for the end of operations: on a file, of a kind, or started with a handler. Answers how
   * many there were. Each of them still completes, with ECANCELED or with what it had done; what it
   * opened in spite of that is closed, unless a handler receives it.
   *
   * @kernel 5.5 IORING_OP_ASYNC_CANCEL
   * @man io_uring_enter(2)
   */
  cancel(target: CancelTarget): Promise<number> {
    return cancelWhere(this.#engine, wantedBy(target));
  }

  /** Asks for the end of all that is pending, and leaves the ring open. */
  cancelAll(): Promise<number> {
    return cancelWhere(this.#engine, () => true);
  }

  /** Submits what is queued now, instead of at the end of this turn. */
  submit(): void {
    if (this.closed) throw closedError();
    this.#engine.flush();
  }

  // --- what belongs to the ring ------------------------------------------------------------------

  /** A pool of buffers that multishot receives take from. */
  provideBuffers(options: BufferRingOptions): BufferRing {
    if (this.closed) throw closedError();
    const buffers = new BufferRing(this.#engine, options);
    this.#engine.bufferRings.add(buffers);
    return buffers;
  }

  /**
   * A pool of buffers from which `socket` sends: what is written goes out in its order, as many
   * buffers at a time as there are.
   *
   * @kernel 6.10 IORING_FEAT_RECVSEND_BUNDLE
   * @man io_uring_enter(2)
   */
  sendPool(socket: FdLike | DirectFd, options: SendPoolOptions): SendPool {
    if (this.closed) throw closedError();
    return sendPoolOf(this.#engine, socket, options);
  }

  /**
   * A sender that chooses, for each send on `socket`, whether it goes without a copy.
   *
   * @kernel 6.2 IORING_SEND_ZC_REPORT_USAGE; plain sends on older kernels
   * @man io_uring_enter(2)
   */
  zeroCopySender(socket: FdLike | DirectFd, options: ZeroCopySenderOptions = {}): ZeroCopySender {
    descriptor('socket', socket);
    return new ZeroCopySender(this, socket, options);
  }

  /**
   * Messages that other rings send to this one (`op.msgRing`), as an async iterable. Waiting for
   * the next one keeps the process alive. Several iterations share the messages, and a handler
   * set by `onMessage` comes first; until somebody takes them they are kept.
   *
   * @kernel 5.18 IORING_OP_MSG_RING
   * @man io_uring_enter(2)
   */
  messages(options: MessagesOptions = {}): MessageStream {
    if (this.closed) throw closedError();
    onlyKeys('options', options, ['files', 'signal']);
    runOptions(options.signal === undefined ? {} : { signal: options.signal });
    return this.#engine.mailbox.stream(options);
  }

  /**
   * Calls `handler` with each message of other rings, in the asynchronous context of this call;
   * `undefined` takes it away. While there is one it keeps the process alive.
   *
   * @kernel 5.18 IORING_OP_MSG_RING
   * @man io_uring_enter(2)
   */
  onMessage(handler: MessageHandler | undefined, options: { files?: boolean } = {}): void {
    if (this.closed) throw closedError();
    this.#engine.mailbox.handle(handler, options);
  }

  /** Pending operations keep the process alive (the default). */
  ref(): this {
    this.#engine.setWantsReference(true);
    return this;
  }

  /** Pending operations do not keep the process alive. */
  unref(): this {
    this.#engine.setWantsReference(false);
    return this;
  }

  /**
   * Gives this thread to the ring: blocks in io_uring_enter instead of Node's loop, until `until`
   * answers true or nothing is pending. Timers and other I/O of Node do not run meanwhile.
   *
   * @kernel 5.11 IORING_ENTER_EXT_ARG
   * @man io_uring_enter(2)
   */
  runLoop(options: OwnLoopOptions = {}): void {
    if (this.closed) throw closedError();
    runOwnLoop(this.#engine, options);
  }

  /**
   * Cancels all that is pending, waits until the kernel has let go of it, and closes the ring.
   *
   * Pending promises are settled first, with ECANCELED or with what had been done. After
   * `closeTimeoutMs` what has not ended is leaked with its memory, counted, and warned of.
   */
  close(): Promise<void> {
    this.#closing ??= closeEngine(this.#engine);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
