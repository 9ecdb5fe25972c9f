/** `Server`: node:http's own, with its parser and its API, on connections of this library. */
import {
  type IncomingMessage,
  Server as NodeServer,
  type ServerOptions as NodeServerOptions,
  type ServerResponse,
} from 'node:http';
import type { BackendName } from '../loop/backend.js';
import { serverNotRunning } from '../net/node-errors.js';
import { Server as NetServer } from '../net/server.js';

export interface ServerOptions extends NodeServerOptions {
  /** Which backend carries the connections. Default: io_uring where it works. */
  backend?: BackendName;
}

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * An `http.Server`: whatever is written for node:http works with it. Only listening and accepting
 * are done here; parsing, timeouts, keep-alive and upgrades are Node's.
 */
export class Server extends NodeServer {
  private readonly inner: NetServer;

  constructor(options: ServerOptions = {}, listener?: RequestListener) {
    const { backend, ...rest } = options;
    super(rest, listener);
    const { noDelay = true, keepAlive = false, keepAliveInitialDelay = 0 } = rest;
    const inner = new NetServer({
      allowHalfOpen: true,
      noDelay,
      keepAlive,
      keepAliveInitialDelay,
      backend,
      highWaterMark: rest.highWaterMark,
    });
    this.inner = inner;
    inner.on('connection', (socket) => {
      socket.server = this;
      this.emit('connection', socket);
    });
    for (const name of ['listening', 'close', 'error', 'drop']) {
      inner.on(name, (...told) => void this.emit(name, ...told));
    }
  }

  override listen(...given: unknown[]): this {
    const listener = given.at(-1);
    const rest = typeof listener === 'function' ? given.slice(0, -1) : given;
    this.inner.listen(...(rest as [number]));
    if (typeof listener === 'function') this.once('listening', listener as () => void);
    return this;
  }

  override address(): ReturnType<NodeServer['address']> {
    return this.inner.address();
  }

  override getConnections(callback: (error: Error | null, count: number) => void): this {
    this.inner.getConnections(callback);
    return this;
  }

  override close(callback?: (error?: Error) => void): this {
    const running = this.inner.listening;
    if (callback !== undefined) {
      this.once('close', () => (running ? callback() : callback(serverNotRunning())));
    }
    // Ends what is idle, and the timer that looks for requests that take too long.
    super.close();
    this.inner.close();
    return this;
  }

  /** @internal Node's own idea of when it has closed: it knows of no connection. */
  _emitCloseIfDrained(): void {}

  override ref(): this {
    this.inner.ref();
    return this;
  }

  override unref(): this {
    this.inner.unref();
    return this;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (!this.inner.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.close((error) => (error === undefined ? resolve() : reject(error)));
    });
  }
}
// Node's declarations have these as plain properties, which a class cannot override.
Object.defineProperties(Server.prototype, {
  listening: {
    get(this: { inner: NetServer }): boolean {
      return this.inner.listening;
    },
    configurable: true,
  },
  maxConnections: {
    get(this: { inner?: NetServer }): number | undefined {
      return this.inner?.maxConnections;
    },
    set(this: { inner?: NetServer }, count: number | undefined) {
      // Node's constructor may set it, before there is anything to set it on.
      if (this.inner !== undefined) this.inner.maxConnections = count;
    },
    configurable: true,
  },
});

/** As `http.createServer`. */
export function createServer(listener?: RequestListener): Server;
export function createServer(options: ServerOptions, listener?: RequestListener): Server;
export function createServer(
  first?: ServerOptions | RequestListener,
  second?: RequestListener,
): Server {
  return typeof first === 'function' ? new Server({}, first) : new Server(first, second);
}
