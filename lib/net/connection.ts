/** `Connection`: promises and `for await` over a stream of a backend. */

import { ETIMEDOUT } from '../abi.js';
import { abortError, type SystemError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { BackendName, Stream, StreamEvents } from '../loop/backend.js';
import { type SharedBackend, sharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, peerAddressOf } from '../socket/listen.js';
import { setSocketOption } from '../socket/options.js';
import {
  abortSignal,
  boolean,
  bytesView,
  invalidType,
  invalidValue,
  milliseconds,
  onlyKeys,
} from '../validate.js';
import { closes, connects, errors } from './channels.js';
import { checkConnect, Dial } from './dial.js';
import { failedCall, portOf } from './node-errors.js';

export interface ConnectionOptions {
  /** A name or a numeric address. Default 'localhost'. */
  host?: string;
  port?: number;
  /** A Unix socket instead of host and port; an abstract one when it begins with a zero. */
  path?: string;
  /** TCP_NODELAY. Default true: what is written in one turn goes together anyway. */
  noDelay?: boolean;
  /** Gives the connection up, at any stage. */
  signal?: AbortSignal;
  /** For connecting, with the look-up of the name; then it fails with ETIMEDOUT. */
  timeoutMs?: number;
  /** Default: io_uring where it works. */
  backend?: BackendName;
}

/** A socket that a connection has handed over. */
export interface Detached {
  readonly socket: OwnedFd;
  readonly received: Uint8Array[];
  readonly shared: SharedBackend;
  readonly over: () => void;
}

interface Waiter<Value> {
  resolve(value: Value): void;
  reject(error: unknown): void;
}

interface Reader extends Waiter<Uint8Array | undefined> {
  /** Where it wants its bytes. */
  readonly target: Uint8Array | undefined;
}

/** Received and not yet read: beyond it, no more is received. */
const WAITING_MAX = 65_536;

/**
 * A connection: `for await` gives what is received, each time bytes of the reader's own; `write`
 * waits while the peer does not read. Leaving the loop early closes it, as `using` does.
 *
 * One reader at a time. A connection that broke says so in what waits and in what is asked next.
 */
export class Connection implements AsyncIterable<Uint8Array>, Disposable, AsyncDisposable {
  bytesReceived = 0;
  bytesSent = 0;
  readonly #shared: SharedBackend;
  readonly #stream: Stream;
  readonly #queue: Uint8Array[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#fail(abortError(this.#signal as AbortSignal));
  #waiting = 0;
  #paused = true;
  /** The peer's side, and ours. With both it is closed; what was received can still be read. */
  #ended = false;
  #finished = false;
  #failure: Error | undefined;
  #open = true;
  #reader: Reader | undefined;
  readonly #writers: Waiter<void>[] = [];
  #ending: { waiter: Waiter<void>; promise: Promise<void> } | undefined;
  #onClosed: () => void = () => undefined;
  /** Resolves when nothing of it is left. */
  readonly closed: Promise<void>;

  /** @internal */
  constructor(shared: SharedBackend, socket: OwnedFd, signal: AbortSignal | undefined) {
    this.#shared = shared;
    this.#signal = signal;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    shared.reference();
    this.#stream = shared.backend.stream(socket, this.#events(), { paused: true });
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Connects. Of a name with several addresses each gets its try.
   *
   * @errno ECONNREFUSED nobody listens there
   * @errno ETIMEDOUT `timeoutMs` is over, or the kernel gave up
   * @kernel 6.0 io_uring with multishot receive; 2.6.27 epoll
   * @man connect(2)
   */
  static open(options: ConnectionOptions): Promise<Connection> {
    const { signal, timeoutMs, noDelay, shared } = plan(options);
    if (signal?.aborted) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const ignore = (): void => undefined;
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        shared.dereference();
      };
      const fail = (error: Error): void => {
        dial.cancel();
        end();
        if (errors.hasSubscribers) errors.publish({ error });
        reject(error);
      };
      const aborted = (): void => fail(abortError(signal as AbortSignal));
      const connected = (socket: OwnedFd): void => {
        if (noDelay && options.path === undefined) setSocketOption(socket, 'noDelay', true);
        const connection = new Connection(shared, socket, signal);
        end();
        if (connects.hasSubscribers) connects.publish({ connection });
        resolve(connection);
      };
      const { host, port, path } = options;
      const dial = new Dial(
        shared.backend,
        { host, port, path },
        {
          lookup: ignore,
          attempt: ignore,
          attemptFailed: ignore,
          attemptTimedOut: ignore,
          connected,
          failed: fail,
        },
      );
      const late = (): void => fail(failedCall(-ETIMEDOUT, 'connect'));
      const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
      signal?.addEventListener('abort', aborted, { once: true });
      shared.reference();
      dial.start();
    });
  }

  /** @internal */
  get stream(): Stream {
    return this.#stream;
  }

  /** Bytes that wait to be sent, with those of files. */
  get pending(): number {
    return this.#stream.pending;
  }

  /** For its options. */
  get socket(): OwnedFd {
    return this.#stream.socket;
  }

  /** @errno ENOTCONN it is gone already */
  get remoteAddress(): SocketAddress {
    return peerAddressOf(this.socket);
  }

  get localAddress(): SocketAddress {
    return addressOf(this.socket);
  }

  // --- receiving ---------------------------------------------------------------------------------

  /**
   * The next bytes; undefined when the peer has ended its side. They are the reader's own; with
   * `target` they are copied there, as many as it has room for, and what resolves is a view of
   * them: no memory is taken for them, which counts where much is received.
   */
  read(target?: Uint8Array): Promise<Uint8Array | undefined> {
    if (target !== undefined) checkTarget(target);
    const bytes = this.#queue[0];
    if (bytes !== undefined) return Promise.resolve(this.#take(bytes, target));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended || !this.#open) return Promise.resolve(undefined);
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError('somebody is reading already'));
    }
    this.#receive();
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject, target };
    });
  }

  /** Of what was received before it was asked for. */
  #take(bytes: Uint8Array, target: Uint8Array | undefined): Uint8Array {
    const { length } = bytes;
    const taken = target === undefined ? bytes : copied(bytes, length, target);
    if (taken.length === length) this.#queue.shift();
    else this.#queue[0] = bytes.subarray(taken.length);
    this.#waiting -= taken.length;
    if (this.#waiting < WAITING_MAX) this.#receive();
    return taken;
  }

  #receive(): void {
    if (!this.#paused || !this.#open) return;
    this.#paused = false;
    this.#stream.resume();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    let whole = false;
    try {
      for (;;) {
        const bytes = await this.read();
        if (bytes === undefined) break;
        yield bytes;
      }
      whole = true;
    } finally {
      if (!whole) this.close();
    }
  }

  // --- sending -----------------------------------------------------------------------------------

  /**
   * Sends; the bytes can be used again at once. Resolves when there is room for more: at once, or
   * when the kernel has taken all that waited.
   */
  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!(bytes instanceof Uint8Array)) throw invalidType('data', 'a Uint8Array or a string', data);
    bytesView('data', bytes);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#open) return Promise.reject(new TypeError('the connection has been closed'));
    if (this.#ending !== undefined) return Promise.reject(new TypeError('our side has ended'));
    this.bytesSent += bytes.length;
    if (this.#stream.send(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => void this.#writers.push({ resolve, reject }));
  }

  /** Ends our side when all was sent; resolves when the kernel has it. */
  end(data?: Uint8Array | string): Promise<void> {
    if (this.#ending !== undefined) return this.#ending.promise;
    if (data !== undefined) this.write(data).catch(() => undefined);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#open) return Promise.resolve();
    let waiter: Waiter<void> | undefined;
    const promise = new Promise<void>((resolve, reject) => {
      waiter = { resolve, reject };
    });
    this.#ending = { waiter: waiter as unknown as Waiter<void>, promise };
    this.#stream.end();
    return promise;
  }

  // --- the end -----------------------------------------------------------------------------------

  /** Closes at once; what was not sent is dropped, and what waits for the connection ends. */
  close(): void {
    if (this.#open) this.#stream.close();
    this.#over();
  }

  /** As `close`; the peer is told that something went wrong. */
  reset(): void {
    if (this.#open) this.#stream.reset();
    this.#over();
  }

  #fail(error: Error): void {
    if (!this.#open) return;
    this.#failure = error;
    if (errors.hasSubscribers) errors.publish({ connection: this, error });
    this.close();
  }

  #over(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#signal?.removeEventListener('abort', this.#abort);
    const failure = this.#failure;
    const reader = this.#reader;
    this.#reader = undefined;
    if (failure === undefined) reader?.resolve(undefined);
    else reader?.reject(failure);
    const unsent = failure ?? new TypeError('the connection has been closed');
    for (const writer of this.#writers.splice(0)) writer.reject(unsent);
    // Nobody may be waiting for it.
    this.#ending?.promise.catch(() => undefined);
    this.#ending?.waiter.reject(unsent);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return this.closed;
  }

  /**
   * @internal Hands the socket over, with what was received and not read; `over` is to be called
   * when it has been closed. Rejects when the connection ends first.
   */
  detach(): Promise<Detached> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#open || this.#ending !== undefined || this.#reader !== undefined) {
      return Promise.reject(new TypeError('the connection is closed, or in use'));
    }
    const { socket } = this;
    return new Promise((resolve, reject) => {
      this.#stream.detach((held) => {
        if (held === undefined) {
          reject(this.#failure ?? new TypeError('the connection has been closed'));
          return;
        }
        const received = [...this.#queue.splice(0), ...held];
        this.#over();
        const over = (): void => {
          this.#shared.dereference();
          if (closes.hasSubscribers) closes.publish({ connection: this });
          this.#onClosed();
        };
        resolve({ socket, received, over, shared: this.#shared });
      });
    });
  }

  #events(): StreamEvents {
    return {
      received: (bytes, length) => this.#received(bytes, length),
      ended: () => {
        this.#ended = true;
        this.#reader?.resolve(undefined);
        this.#reader = undefined;
        if (this.#finished) this.close();
      },
      drained: () => {
        for (const writer of this.#writers.splice(0)) writer.resolve();
      },
      finished: () => {
        this.#finished = true;
        this.#ending?.waiter.resolve();
        if (this.#ended) this.close();
      },
      failed: (result) => this.#fail(brokenBy(result)),
      closed: () => {
        this.#over();
        this.#shared.dereference();
        if (closes.hasSubscribers) closes.publish({ connection: this });
        this.#onClosed();
      },
    };
  }

  /** The first `length` of `bytes`, which are the library's. */
  #received(bytes: Uint8Array, length: number): void {
    this.bytesReceived += length;
    const reader = this.#reader;
    if (reader === undefined) {
      this.#keep(bytes.slice(0, length));
      return;
    }
    this.#reader = undefined;
    const { target } = reader;
    if (target === undefined) {
      reader.resolve(bytes.slice(0, length));
      return;
    }
    if (target.length === 0) {
      this.#keep(bytes.slice(0, length));
      reader.reject(detachedTarget());
      return;
    }
    const taken = copied(bytes, length, target);
    if (taken.length < length) this.#keep(bytes.slice(taken.length, length));
    reader.resolve(taken);
  }

  #keep(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#waiting += bytes.length;
    if (this.#waiting < WAITING_MAX) return;
    this.#paused = true;
    this.#stream.pause();
  }
}

/** As many of the first `length` bytes as `target` has room for, in it. */
function copied(bytes: Uint8Array, length: number, target: Uint8Array): Uint8Array {
  const count = Math.min(length, target.length);
  target.set(bytes.subarray(0, count));
  return target.subarray(0, count);
}

function checkTarget(target: Uint8Array): void {
  if (!(target instanceof Uint8Array)) throw invalidType('target', 'a Uint8Array', target);
  bytesView('target', target);
  if (target.length === 0) throw invalidValue('target', 'must have room for a byte', target);
}

/** Memory that was transferred meanwhile has no room. */
function detachedTarget(): TypeError {
  const message = 'the target was detached while it waited; its bytes are there for the next read';
  return Object.assign(new TypeError(message), { code: 'ERR_NEARMETAL_DETACHED' });
}

const brokenBy = (result: number): SystemError => systemError(result, 'recv');

function plan(options: ConnectionOptions): {
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
  noDelay: boolean;
  shared: SharedBackend;
} {
  const keys = ['host', 'port', 'path', 'noDelay', 'signal', 'timeoutMs', 'backend'];
  onlyKeys('options', options, keys);
  checkConnect(options);
  if (options.path === undefined) portOf(options.port);
  const { timeoutMs } = options;
  return {
    signal: abortSignal('signal', options.signal),
    timeoutMs: timeoutMs === undefined ? undefined : milliseconds('timeoutMs', timeoutMs),
    noDelay: boolean('noDelay', options.noDelay ?? true),
    shared: sharedBackend(options.backend, true),
  };
}
