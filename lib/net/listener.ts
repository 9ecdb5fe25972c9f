/** `Listener`: `for await` over the connections that are accepted. */
import { abortError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Acceptor, BackendName } from '../loop/backend.js';
import { isShortage } from '../loop/retry.js';
import { type SharedBackend, sharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, type ListenOptions, listen } from '../socket/listen.js';
import { abortSignal } from '../validate.js';
import { accepts, errors } from './channels.js';
import { Connection } from './connection.js';
import { stopListening } from './stop-listening.js';

export interface ListenerOptions extends ListenOptions {
  /** Stops listening: the loop over it ends with an AbortError. Connections go on. */
  signal?: AbortSignal;
  /** Default: io_uring where it works. */
  backend?: BackendName;
}

interface Waiter {
  resolve(connection: Connection | undefined): void;
  reject(error: unknown): void;
}

/**
 * A socket that listens; `for await` gives its connections. Leaving the loop early closes it, as
 * `using` does; connections that were accepted and not taken are closed then.
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
  #failure: Error | undefined;
  #open = true;

  private constructor(shared: SharedBackend, socket: OwnedFd, signal: AbortSignal | undefined) {
    this.#shared = shared;
    this.#socket = socket;
    this.#signal = signal;
    this.address = addressOf(socket);
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
    const { signal: asked, backend, ...rest } = options;
    const signal = abortSignal('signal', asked);
    if (signal?.aborted) throw abortError(signal);
    const shared = sharedBackend(backend, true);
    const socket = listen({ ...rest, noDelay: rest.noDelay ?? true });
    try {
      return new Listener(shared, socket, signal);
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
    return this.#open;
  }

  /** The next connection; undefined when the listener has been closed. */
  accept(): Promise<Connection | undefined> {
    const socket = this.#queue.shift();
    if (socket !== undefined) return Promise.resolve(this.#connection(socket));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (!this.#open) return Promise.resolve(undefined);
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
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#queue.push(socket);
    else waiter.resolve(this.#connection(socket));
  }

  #failed(result: number): void {
    const error = systemError(result, 'accept');
    if (errors.hasSubscribers) errors.publish({ server: this, error });
    // Connections wait until descriptors or memory are there again.
    if (!isShortage(result)) this.#fail(error);
  }

  #fail(error: Error): void {
    if (!this.#open) return;
    this.#failure = error;
    this.close();
  }

  /** Accepts no more. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#signal?.removeEventListener('abort', this.#abort);
    stopListening(this.#acceptor, this.#socket, this.address);
    this.#shared.dereference();
    for (const socket of this.#queue.splice(0)) socket.close();
    for (const waiter of this.#waiters.splice(0)) {
      if (this.#failure === undefined) waiter.resolve(undefined);
      else waiter.reject(this.#failure);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
