/** `serve`: handlers, declared once, that are called with the events of each connection. */
import { type SystemError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Acceptor, Backend, StreamOptions } from '../loop/backend.js';
import { Members } from '../loop/members.js';
import { Received } from '../loop/received.js';
import { type SharedBackend, sharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, listen } from '../socket/listen.js';
import { setSocketOptions } from '../socket/options.js';
import { abortSignal, milliseconds, onlyKeys } from '../validate.js';
import { accepts, closes, errors } from './channels.js';
import { acceptBesideOthers } from './given-listener.js';
import {
  type KeepAlive,
  planServe,
  type ServeHandlers,
  type ServeOptions,
  type ServePlan,
} from './serve-options.js';
import { ServedConnection } from './served-connection.js';
import { stopListening } from './stop-listening.js';
import { Sweeper } from './sweeper.js';

/** What a server has done so far. */
export interface ServeStats {
  readonly connections: number;
  readonly accepted: number;
  /** Beyond `maxConnections`. */
  readonly refused: number;
  readonly acceptErrors: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** @internal What the connections of a server share. */
export class Served<State> {
  readonly handlers: ServeHandlers<State>;
  readonly plan: ServePlan;
  readonly backend: Backend;
  readonly streamOptions: StreamOptions;
  readonly lease = new Received();
  readonly connections = new Members<ServedConnection<State>>();
  bytesReceived = 0;
  bytesSent = 0;
  errors = 0;
  timeouts = 0;
  onEmpty: (() => void) | undefined = undefined;
  private readonly sweeper: Sweeper<ServedConnection<State>>;

  constructor(handlers: ServeHandlers<State>, plan: ServePlan, backend: Backend) {
    this.handlers = handlers;
    this.plan = plan;
    this.backend = backend;
    this.streamOptions = { highWater: plan.highWater };
    this.sweeper = new Sweeper(plan, this.connections, (connection, which) =>
      this.expire(connection, which),
    );
  }

  get sweeps(): number {
    return this.sweeper.sweeps;
  }

  /** @param late the server has been told to stop meanwhile */
  open(socket: OwnedFd, late: boolean): void {
    const connection = new ServedConnection(this, socket);
    this.connections.enter(connection);
    if (accepts.hasSubscribers) accepts.publish({ server: this.handlers, connection });
    connection.guard(() => this.handlers.open?.(connection));
    if (late) this.tellStopping(connection);
  }

  tellStopping(connection: ServedConnection<State>): void {
    connection.guard(() => this.handlers.stopping?.(connection));
  }

  private expire(connection: ServedConnection<State>, which: 'idle' | 'lifetime'): void {
    this.timeouts++;
    connection.usedAt = this.sweeps;
    if (which === 'lifetime') connection.bornAt = this.sweeps;
    if (this.handlers.timeout === undefined) connection.close();
    else connection.guard(() => this.handlers.timeout?.(connection, which));
  }

  tellError(error: SystemError, connection?: ServedConnection<State>): void {
    if (errors.hasSubscribers) errors.publish({ server: this.handlers, connection, error });
  }

  forget(connection: ServedConnection<State>): void {
    this.connections.leave(connection);
    if (closes.hasSubscribers) closes.publish({ connection });
    if (this.connections.size === 0) this.onEmpty?.();
  }

  end(): void {
    this.sweeper.close();
  }
}

/** How `drain` ends. */
export interface DrainOptions {
  /** What is open after so long is reset. Default: never. */
  timeoutMs?: number;
}

/** The connections of a server that are open, in no order. */
export interface OpenConnections<State> extends Iterable<ServedConnection<State>> {
  readonly size: number;
  has(connection: ServedConnection<State>): boolean;
}

/** A server that listens; made by `serve`. */
export class Serving<State = unknown> implements AsyncDisposable {
  /** Where it listens. */
  readonly address: SocketAddress;
  readonly #served: Served<State>;
  readonly #shared: SharedBackend;
  readonly #listener: OwnedFd;
  readonly #acceptor: Acceptor;
  readonly #ended: Promise<void>;
  readonly #given: boolean;
  #referenced = true;
  #listening = true;
  /** True while connections may still come. */
  #accepting = true;
  #stopped = false;
  #accepted = 0;
  #refused = 0;
  #acceptErrors = 0;
  #end: () => void = () => undefined;

  /** @internal */
  constructor(served: Served<State>, shared: SharedBackend, listener: OwnedFd) {
    this.#served = served;
    this.#shared = shared;
    this.#listener = listener;
    this.#given = served.plan.listener === listener;
    this.address = addressOf(listener);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    shared.reference();
    this.#acceptor = shared.backend.accept(listener, {
      connection: (socket) => this.#accept(socket),
      failed: (result) => this.#failed(result),
    });
  }

  #accept(socket: OwnedFd): void {
    if (this.#stopped || this.#served.connections.size >= this.#served.plan.maxConnections) {
      this.#refused++;
      socket.close();
      return;
    }
    this.#accepted++;
    this.#served.open(socket, !this.#listening);
  }

  #failed(result: number): void {
    this.#acceptErrors++;
    const error = systemError(result, 'accept');
    this.#served.tellError(error);
    this.#served.handlers.acceptError?.(error);
  }

  /** The port; undefined on a Unix socket. */
  get port(): number | undefined {
    return 'port' in this.address ? this.address.port : undefined;
  }

  /** Those that are open. */
  get connections(): OpenConnections<State> {
    return this.#served.connections;
  }

  /** False once it stops. */
  get listening(): boolean {
    return this.#listening;
  }

  get stats(): ServeStats {
    const { bytesReceived, bytesSent, errors: broken, timeouts, connections } = this.#served;
    return {
      connections: connections.size,
      accepted: this.#accepted,
      refused: this.#refused,
      acceptErrors: this.#acceptErrors,
      errors: broken,
      timeouts,
      bytesReceived,
      bytesSent,
    };
  }

  /** Keeps the process alive, as it does at first. */
  ref(): this {
    if (!this.#referenced) this.#shared.reference();
    this.#referenced = true;
    return this;
  }

  unref(): this {
    if (this.#referenced) this.#shared.dereference();
    this.#referenced = false;
    return this;
  }

  /**
   * Accepts no more, tells every connection (`stopping`), and resolves when all of them have
   * closed.
   */
  drain(options: DrainOptions = {}): Promise<void> {
    onlyKeys('options', options, ['timeoutMs']);
    const { timeoutMs } = options;
    if (timeoutMs !== undefined) milliseconds('timeoutMs', timeoutMs);
    if (this.#listening) {
      this.#stopListening();
      for (const connection of this.#served.connections) this.#served.tellStopping(connection);
    }
    if (timeoutMs !== undefined) {
      const timer = setTimeout(() => this.#resetAll(), timeoutMs);
      void this.#ended.then(() => clearTimeout(timer));
    }
    return this.#ended;
  }

  /** Closes everything at once, and resolves when nothing is left. */
  stop(): Promise<void> {
    this.#stopped = true;
    if (this.#listening) this.#stopListening();
    // What has not been taken yet is for others who accept from the socket.
    if (this.#given) this.#listener.close();
    for (const connection of this.#served.connections) connection.close();
    return this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #resetAll(): void {
    for (const connection of this.#served.connections) connection.reset();
  }

  #stopListening(): void {
    this.#listening = false;
    this.#served.onEmpty = () => this.#endWhenEmpty();
    const finished = (): void => {
      this.#accepting = false;
      this.#listener.close();
      this.#endWhenEmpty();
    };
    if (this.#given) this.#acceptor.finish(finished);
    else {
      this.#acceptor.close();
      stopListening(this.#listener, this.address);
      finished();
    }
  }

  #endWhenEmpty(): void {
    if (this.#accepting || this.#served.connections.size > 0) return;
    this.#served.onEmpty = undefined;
    this.#served.end();
    this.unref();
    this.#end();
  }
}

/**
 * Listens, and calls the handlers with what happens on the connections: nothing is allocated for a
 * message.
 *
 * @errno EADDRINUSE another socket has the port
 * @errno EACCES ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE
 * @kernel 6.0 io_uring with multishot receive; 2.6.27 epoll
 * @man socket(2), bind(2), listen(2), accept(2)
 */
export function serve<State = unknown>(options: ServeOptions<State>): Serving<State> {
  const plan = planServe(options);
  const signal = abortSignal('signal', options.signal);
  signal?.throwIfAborted();
  const shared = sharedBackend(options.backend, true);
  const listener = plan.listener ?? listen(plan.listen);
  try {
    if (plan.listener !== undefined) acceptBesideOthers(plan.listener, plan.noDelay);
    if (plan.keepAlive !== undefined && !('path' in addressOf(listener)))
      inheritKeepAlive(listener, plan.keepAlive);
    const serving = new Serving(new Served(options, plan, shared.backend), shared, listener);
    signal?.addEventListener('abort', () => void serving.stop(), { once: true });
    return serving;
  } catch (error) {
    if (plan.listener === undefined) listener.close();
    throw error;
  }
}

/** Accepted sockets have what their listener has. */
function inheritKeepAlive(listener: OwnedFd, { idleMs, intervalMs, count }: KeepAlive): void {
  setSocketOptions(listener, {
    keepAlive: true,
    ...(idleMs === undefined ? {} : { keepAliveIdleMs: idleMs }),
    ...(intervalMs === undefined ? {} : { keepAliveIntervalMs: intervalMs }),
    ...(count === undefined ? {} : { keepAliveCount: count }),
  });
}
