/** `Listener`: `for await` over the connections that are accepted. */
import { abortError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Acceptor, BackendName } from '../loop/backend.js';
import { isShortage } from '../loop/retry.js';
import { type SharedBackend, sharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, type ListenOptions, listen } from '../socket/listen.js';
import { abortSignal, boolean, onlyKeys } from '../validate.js';
import { accepts, errors } from './channels.js';
import { Connection } from './connection.js';
import { acceptBesideOthers, givenListener, LISTEN_KEYS } from './given-listener.js';
import { stopListening } from './stop-listening.js';

export interface ListenerOptions extends ListenOptions {
  /**
   * A socket that listens already, instead of `host`, `port` or `path`. It is closed with the
   * listener, which leaves what waits in its backlog to whoever has a copy of it.
   */
  listener?: OwnedFd;
  /** TCP_NODELAY. Default true here: what is written in one turn goes together anyway. */
  noDelay?: boolean;
  /** Stops listening: the loop over it ends with an AbortError. Connections go on. */
  signal?: AbortSignal;
  /** Default: io_uring where it works. */
  backend?: BackendName;
}

/** Connections that nobody has taken yet, above which the others wait in the backlog. */
const MOST_WAITING = 64;

interface Waiter {
  resolve(connection: Connection | undefined): void;
  reject(error: unknown): void;
}

/**
 * A socket that listens; `for await` gives its connections. Leaving the loop early closes it, as
 * `using` does; connections that were accepted and not taken are closed then.
 *
 * Accepting stops while 64 or more wait for the loop: the others stay in the socket's backlog.
 */
export class Listener implements AsyncIterable<Connection>, Disposable, AsyncDisposable {
  /** Where it listens. */
  readonly address: SocketAddress;
  readonly #shared: SharedBackend;
  readonly #socket: OwnedFd;
  readonly #acceptor: Acceptor;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#fail(abortError(this.#signal as AbortSignal));
  readonly #queue: OwnedFd[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #given: boolean;
  #failure: Error | undefined;
  #listening = true;
  /** What is accepted from now on is wanted by nobody. */
  #closed = false;
  /** Nothing is accepted any more. */
  #ended = false;
  #onClosed: () => void = () => undefined;
  /** Resolves when nothing is accepted any more, and the socket has been closed. */
  readonly closed: Promise<void>;

  private constructor(
    shared: SharedBackend,
    socket: OwnedFd,
    given: boolean,
    signal: AbortSignal | undefined,
  ) {
    this.#shared = shared;
    this.#socket = socket;
    this.#given = given;
    this.#signal = signal;
    this.address = addressOf(socket);
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#acceptor = shared.backend.accept(socket, {
      connection: (accepted) => this.#accepted(accepted),
      failed: (result) => this.#failed(result),
    });
    shared.reference();
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Listens.
   *
   * @errno EADDRINUSE another socket has the port
   * @kernel 6.0 io_uring with multishot receive; 2.6.27 epoll
   * @man socket(2), bind(2), listen(2), accept(2)
   */
  static open(options: ListenerOptions = {}): Listener {
    onlyKeys('options', options, [...LISTEN_KEYS, 'noDelay', 'listener', 'backend', 'signal']);
    const { signal: asked, backend, listener: _, ...rest } = options;
    const given = givenListener(options);
    const noDelay = boolean('noDelay', options.noDelay ?? true);
    const signal = abortSignal('signal', asked);
    if (signal?.aborted) throw abortError(signal);
    const shared = sharedBackend(backend, true);
    if (given !== undefined) {
      acceptBesideOthers(given, noDelay);
      return new Listener(shared, given, true, signal);
    }
    const socket = listen({ ...rest, noDelay });
    try {
      return new Listener(shared, socket, false, signal);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** The port; undefined on a Unix socket. */
  get port(): number | undefined {
    return 'port' in this.address ? this.address.port : undefined;
  }

  get listening(): boolean {
    return this.#listening;
  }

  /** The next connection; undefined when the listener has been closed. */
  accept(): Promise<Connection | undefined> {
    const socket = this.#queue.shift();
    if (socket !== undefined) {
      if (this.#queue.length === MOST_WAITING >> 1 && this.#listening) this.#acceptor.resume();
      return Promise.resolve(this.#connection(socket));
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed || this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => void this.#waiters.push({ resolve, reject }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    try {
      for (;;) {
        const connection = await this.accept();
        if (connection === undefined) return;
        yield connection;
      }
    } finally {
      this.close();
    }
  }

  #connection(socket: OwnedFd): Connection {
    const connection = new Connection(this.#shared, socket, undefined);
    if (accepts.hasSubscribers) accepts.publish({ server: this, connection });
    return connection;
  }

  #accepted(socket: OwnedFd): void {
    if (this.#closed) {
      socket.close();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#queue.push(socket);
      if (this.#queue.length === MOST_WAITING && this.#listening) this.#acceptor.pause();
    } else waiter.resolve(this.#connection(socket));
  }

  #failed(result: number): void {
    const error = systemError(result, 'accept');
    if (errors.hasSubscribers) errors.publish({ server: this, error });
    // Connections wait until descriptors or memory are there again.
    if (!isShortage(result)) this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.#failure = error;
    this.close();
  }

  /** Accepts no more; the loop over it ends when it has had what was accepted before. */
  drain(): Promise<void> {
    this.#stopAccepting();
    return this.closed;
  }

  /** Accepts no more; what was accepted and not taken is closed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopAccepting();
    this.#endSocket();
    for (const socket of this.#queue.splice(0)) socket.close();
    this.#endWaiting();
  }

  #stopAccepting(): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.#acceptor.finish(() => {
      this.#ended = true;
      this.#signal?.removeEventListener('abort', this.#abort);
      this.#endSocket();
      this.#endWaiting();
      this.#shared.dereference();
      this.#onClosed();
    });
  }

  #endSocket(): void {
    if (this.#given) this.#socket.close();
    else if (!this.#socket.closed) stopListening(this.#socket, this.address);
  }

  #endWaiting(): void {
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#failure === undefined) waiter.resolve(undefined);
      else waiter.reject(this.#failure);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return this.closed;
  }
}
