/** Sends on one socket, out of buffers that the kernel takes in their order, many at a time. */
import {
  EIO,
  ENOMEM,
  IORING_CQE_F_MORE,
  IORING_OP_SEND,
  IORING_RECVSEND_BUNDLE,
  IOSQE_BUFFER_SELECT,
  MSG_NOSIGNAL,
} from '../abi.js';
import { abortError, check, systemError } from '../errors.js';
import { type DirectFd, descriptor, type FdLike } from '../fd/fd.js';
import { requireFeature } from '../features.js';
import { warnOfLost } from '../leaks.js';
import { Mapping } from '../memory/mapping.js';
import { PAGE_BYTES } from '../memory/pages.js';
import { populate } from '../memory/populate.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { boolean, bytesView, integer, invalidType, onlyKeys } from '../validate.js';
import { BufferEntries } from './buffer-entries.js';
import { closedError } from './closed.js';
import type { Engine } from './engine.js';
import { asBytes, byteCount, kind, Operation } from './operation.js';
import { type Filling, SendLease } from './send-lease.js';
import { SendQueue } from './send-queue.js';
import { DetachedError, operationError, withoutRestart } from './sinks.js';
import type { Sink } from './slots.js';
import { highWord } from './sqe.js';

export interface SendPoolOptions {
  /** How many buffers there are, up to 32768. */
  count: number;
  /** Bytes of each. */
  size: number;
  /**
   * IORING_RECVSEND_BUNDLE: one operation sends all that waits, and not one buffer. Default true.
   */
  bundle?: boolean;
  /** Ends it at once: what has not been sent stays unsent. */
  signal?: AbortSignal;
}

const COUNT_MAX = 32_768;
const SIZE_MAX = 2 ** 30;
/**
 * As many buffers as the kernel looks at in one go. All that it is shown it then takes together: a
 * bundle that it had to go on with might go past bytes that the socket had no room for.
 */
const BUNDLE_MAX = 256;

const SEND_SELECT = kind<number>({
  name: 'send',
  code: IORING_OP_SEND,
  since: '6.10',
  decode: byteCount,
});

/**
 * Sends on a stream socket: bytes go out in the order of the calls of `write` and `lend`, and one
 * operation is in flight at a time. When all buffers are in use, callers wait for those before.
 *
 * @kernel 6.10 IORING_FEAT_RECVSEND_BUNDLE
 * @man io_uring_enter(2), io_uring_register(2)
 */
export class SendPool implements AsyncDisposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly count: number;
  readonly size: number;
  readonly bundle: boolean;
  /**
   * Operations that were needed, how many of them sent less than they were given, and leases that
   * were forgotten.
   */
  readonly counts = { sends: 0, short: 0, leaks: 0 };
  readonly #engine: Engine;
  readonly #mapping: Mapping;
  readonly #entries: BufferEntries;
  readonly #queue: SendQueue;
  readonly #operation: Operation<number>;
  readonly #signal: AbortSignal | undefined;
  #slot = -1;
  #generation = 0;
  /** Bytes that the operation in flight was given and has not sent. */
  #asked = 0;
  #scheduled = false;
  /** Why nothing can be sent any more. */
  #error: unknown;
  #closed: Promise<void> | undefined;
  #closing = false;
  #released = false;
  #onReleased: (() => void) | undefined;

  /** @internal */
  constructor(engine: Engine, socket: FdLike | DirectFd, options: SendPoolOptions) {
    onlyKeys('options', options, ['count', 'size', 'bundle', 'signal']);
    this.count = integer('count', options.count, 1, COUNT_MAX);
    this.size = integer('size', options.size, 1, SIZE_MAX);
    this.bundle = boolean('bundle', options.bundle ?? true);
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw invalidType('signal', 'an AbortSignal', signal);
    }
    const operation = new Operation(SEND_SELECT, descriptor('socket', socket));
    requireFeature('ring:RECVSEND_BUNDLE');
    if (signal?.aborted) throw abortError(signal);
    this.#engine = engine;
    this.#signal = signal;
    this.#mapping = Mapping.anonymous({ size: this.count * this.size });
    // The kernel has the addresses of its buffers.
    this.#mapping.pinned = true;
    try {
      engine.hold(this.#mapping);
      // A page that cannot be had must be found now: the kernel would answer EFAULT for it.
      const { region, size } = this.#mapping;
      if (populate(region, 0, size, PAGE_BYTES, true) !== undefined) check(-ENOMEM, 'madvise');
      const capacity = 2 ** Math.ceil(Math.log2(Math.min(this.count, BUNDLE_MAX)));
      this.#entries = new BufferEntries(engine, this.#mapping, capacity, false);
    } catch (error) {
      this.#mapping.dispose();
      throw error;
    }
    this.#queue = new SendQueue(this.count, this.size, this.#filling.view);
    operation.mapping = this.#mapping;
    operation.buffer = this.#entries.group;
    operation.operationFlags = MSG_NOSIGNAL;
    operation.addFlags(IOSQE_BUFFER_SELECT);
    if (this.bundle) operation.addPriority(IORING_RECVSEND_BUNDLE);
    this.#operation = operation;
    if (signal !== undefined) engine.aborts.add(signal, this.#onAbort);
  }

  /** Buffers that nobody uses now. */
  get free(): number {
    return this.#queue.free;
  }

  /**
   * Copies `bytes` into the pool; resolves when all of them are in it. They must not change until
   * then.
   *
   * @errno EPIPE the peer has gone
   * @errno ECONNRESET the peer has gone, with bytes unread
   */
  write(bytes: ArrayBufferView): Promise<void> {
    const source = asBytes(bytesView('bytes', bytes));
    const { length } = source;
    let done = 0;
    return this.#whenRoom(() => {
      if (source.length < length) throw new DetachedError(length - done);
      const copied = this.#queue.put(source.subarray(done));
      done += copied;
      if (copied > 0) this.#sendSoon();
      return done === length ? true : undefined;
    }) as Promise<unknown> as Promise<void>;
  }

  /** A buffer to be filled in place; its bytes go out before all that is written later. */
  lend(): Promise<SendLease> {
    return this.#whenRoom(() => {
      if (this.#closing) throw poolClosed();
      const piece = this.#queue.take(false);
      return piece && new SendLease(this.#filling, piece);
    });
  }

  /** Resolves when the socket has taken all that was written and lent until now. */
  flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#refuses(reject)) return;
      this.#mark(resolve, reject);
    });
  }

  /**
   * Sends what has been written, and ends. What is lent still is given back unsent. Rejects when
   * not all could be sent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal The ring ends: nothing of it is in flight. */
  dispose(): void {
    this.#end(closedError());
  }

  async #close(): Promise<void> {
    this.#closing = true;
    try {
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve, reject) => {
        this.#mark(resolve, reject);
        this.#queue.closeOpen();
        this.#queue.retry();
        this.#sendSoon();
      });
    } finally {
      this.#end(poolClosed());
      if (!this.#released) await new Promise<void>((resolve) => (this.#onReleased = resolve));
    }
  }

  readonly #filling: Filling = {
    view: (id) => this.#mapping.bytes.subarray(id * this.size, (id + 1) * this.size),
    filled: () => this.#sendSoon(),
    forgot: (site) => warnOfLost('a SendLease', 'send() or release()', site, ++this.counts.leaks),
  };

  readonly #onAbort = (): void => this.#end(abortError(this.#signal as AbortSignal));

  #refuses(reject: (error: unknown) => void): boolean {
    if (this.#error === undefined && !this.#closing) return false;
    reject(this.#error ?? poolClosed());
    return true;
  }

  /** Calls `attempt` until it answers something, whenever there is room, in the callers' order. */
  #whenRoom<Value>(attempt: () => Value | undefined): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#refuses(reject)) return;
      this.#queue.attempt(() => {
        try {
          const value = attempt();
          if (value === undefined) return false;
          resolve(value);
        } catch (error) {
          reject(error);
        }
        return true;
      }, reject);
    });
  }

  #mark(reached: () => void, failed: (error: unknown) => void): void {
    this.#queue.attempt(() => {
      this.#queue.pieces.push({ id: -1, offset: 0, length: 0, ready: true, reached, failed });
      this.#sendSoon();
      return true;
    }, failed);
  }

  /** What is written in one go goes out together. */
  #sendSoon(): void {
    if (this.#scheduled || this.#slot >= 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#slot >= 0 || this.#error !== undefined) return;
    const batch = this.#queue.showNext(this.bundle ? BUNDLE_MAX : 1);
    // Empty leases were taken off: their buffers are free.
    this.#queue.retry();
    if (batch.length === 0) {
      if (this.#queue.pieces[0]?.ready) this.#sendSoon();
      return;
    }
    this.#asked = 0;
    for (const { id, offset, length } of batch) {
      const low = (this.#mapping.addressLow >>> 0) + id * this.size + offset;
      this.#entries.put(id, low | 0, this.#mapping.addressHigh + highWord(low), length);
      this.#asked += length;
    }
    this.#entries.publish();
    try {
      this.#slot = this.#engine.begin(this.#operation as Operation<unknown>, this.#sink, 0);
      this.#generation = this.#engine.slots.generations[this.#slot] as number;
      this.counts.sends++;
    } catch (error) {
      this.#end(error);
    }
  }

  readonly #sink: Sink = {
    batched: true,
    settles: true,
    complete: (_tag, answer, flags) => this.#completed(withoutRestart(answer), flags),
  };

  #completed(result: number, flags: number): void {
    const more = (flags & IORING_CQE_F_MORE) !== 0;
    if (!more) this.#slot = -1;
    const partly = result > 0 && this.#queue.sent(result);
    this.#asked -= Math.max(result, 0);
    if (this.#error !== undefined) {
      if (!more) this.#release();
      return;
    }
    // A send of something that sends nothing would be tried for ever.
    if (result === 0) this.#end(systemError(-EIO, 'io_uring:send'));
    else if (result < 0) this.#end(operationError(result, this.#operation as Operation<unknown>));
    // It goes on with the next buffer, past the rest of this one: the stream is spoilt.
    else if (more && partly) this.#end(systemError(-EIO, 'io_uring:send'));
    else if (!more) this.#next();
  }

  #next(): void {
    if (this.#asked > 0) {
      this.counts.short++;
      this.#queue.shown = 0;
      try {
        // What was not sent is shown again, its front first: no operation looks at the ring now.
        this.#entries.takeBack();
      } catch (error) {
        this.#end(error);
        return;
      }
    }
    this.#queue.retry();
    this.#send();
  }

  /** Nothing is sent any more; those who wait are told when the kernel has let go. */
  #end(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    if (this.#signal !== undefined) this.#engine.aborts.delete(this.#signal, this.#onAbort);
    if (this.#slot < 0 || !this.#engine.open) {
      this.#release();
      return;
    }
    if (this.#engine.closing) return;
    this.#engine.cancels.ask(this.#slot, this.#generation);
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#engine.bufferRings.delete(this);
    this.#queue.fail(this.#error);
    this.#entries.dispose();
    this.#mapping.dispose();
    this.#onReleased?.();
  }
}

function poolClosed(): TypeError {
  return Object.assign(new TypeError('the pool has been closed'), { code: 'ERR_INVALID_STATE' });
}
