/** `Server`: the node:net class of that name, over a ring or an epoll. */
import { lookup } from 'node:dns';
import { EventEmitter } from 'node:events';
import { SystemError } from '../errors.js';
import { setFlags } from '../fd/fcntl.js';
import { OwnedFd } from '../fd/fd.js';
import type { Acceptor } from '../loop/backend.js';
import { isShortage } from '../loop/retry.js';
import { type SharedBackend, sharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import {
  addressOf,
  endListening,
  type ListenOptions,
  listen,
  listenOn,
  peerAddressOf,
} from '../socket/listen.js';
import { setSocketOptions } from '../socket/options.js';
import { invalidValue } from '../validate.js';
import { accepts, errors } from './channels.js';
import {
  backlogOf,
  type ListenArguments,
  type Listener,
  normalise,
  type ServerOptions,
} from './node-arguments.js';
import {
  alreadyListening,
  failedCall,
  failedListen,
  portOf,
  serverNotRunning,
} from './node-errors.js';
import { setPathMode, unlinkPath } from './path-of-socket.js';
import { type AddressInfo, nodeAddress, Socket } from './socket.js';

const BACKLOG = 511;

type ConnectionListener = (socket: Socket) => void;

/** A server, as `net.Server`: the same methods, properties, events and errors. */
export class Server extends EventEmitter implements AsyncDisposable {
  maxConnections: number | undefined = undefined;
  /** As Node has it; what is refused is closed in any case. */
  dropMaxConnection = false;
  readonly allowHalfOpen: boolean;
  readonly pauseOnConnect: boolean;
  private readonly options: ServerOptions;
  private readonly shared: SharedBackend;
  private listener: OwnedFd | undefined = undefined;
  private acceptor: Acceptor | undefined = undefined;
  private given = false;
  private path: string | undefined = undefined;
  /** A listen whose name is being looked up, or whose event is to come. */
  private starting: object | undefined = undefined;
  private referenced = true;
  private connectionCount = 0;

  constructor(listener?: ConnectionListener);
  constructor(options?: ServerOptions, listener?: ConnectionListener);
  constructor(first?: ServerOptions | ConnectionListener, second?: ConnectionListener) {
    super();
    const listener = typeof first === 'function' ? first : second;
    this.options = typeof first === 'object' && first !== null ? first : {};
    this.allowHalfOpen = this.options.allowHalfOpen ?? false;
    this.pauseOnConnect = Boolean(this.options.pauseOnConnect);
    this.shared = sharedBackend(this.options.backend, false);
    if (listener !== undefined) this.on('connection', listener);
  }

  get listening(): boolean {
    return this.listener !== undefined;
  }

  // --- listening ---------------------------------------------------------------------------------

  listen(port?: number, host?: string, backlog?: number, listener?: Listener): this;
  listen(port?: number, host?: string, listener?: Listener): this;
  listen(port?: number, backlog?: number, listener?: Listener): this;
  listen(port?: number, listener?: Listener): this;
  listen(path: string, backlog?: number, listener?: Listener): this;
  listen(path: string, listener?: Listener): this;
  listen(options: ListenArguments, listener?: Listener): this;
  listen(...given: unknown[]): this {
    const { options, listener } = normalise<ListenArguments>(given);
    if (this.listener !== undefined || this.starting !== undefined) throw alreadyListening();
    if (typeof given[0] === 'object' && given[0] !== null) checkListen(options);
    if (listener !== undefined) this.once('listening', listener);
    const backlog = options.backlog ?? backlogOf(given) ?? BACKLOG;
    const { signal } = options;
    if (signal !== undefined) {
      const close = (): void => void this.close();
      if (signal.aborted) process.nextTick(close);
      else signal.addEventListener('abort', close, { once: true });
    }
    if (typeof options.fd === 'number' && options.fd >= 0) {
      this.start(() => this.openOn(options.fd as number, backlog));
    } else if (typeof options.path === 'string' && options.path !== '') {
      this.listenOnPath(options.path, backlog, options);
    } else this.listenOnPort(options, backlog);
    return this;
  }

  private listenOnPath(path: string, backlog: number, options: ListenArguments): void {
    const { readableAll = false, writableAll = false } = options;
    this.start(() => {
      const listener = listen({ path, backlog });
      if (readableAll || writableAll) setPathMode(path, readableAll, writableAll);
      this.path = path;
      return listener;
    });
  }

  private listenOnPort(options: ListenArguments, backlog: number): void {
    const { port = 0, host, ipv6Only = false, reusePort = false } = options;
    if (port !== null && typeof port !== 'number' && typeof port !== 'string') {
      throw invalidValue('options', 'must have the property "port" or "path"', options);
    }
    const number = portOf(port ?? 0, 'options.port');
    const all: ListenOptions = { port: number, backlog, ipv6Only, reusePort };
    if (!host) {
      this.start(() => openAnywhere(all));
      return;
    }
    const starting = {};
    this.starting = starting;
    // Numbers, too: this is how Node tells of it in a later turn.
    lookup(host, (error, address) => {
      if (this.starting !== starting) return;
      if (error) {
        this.starting = undefined;
        this.emit('error', error);
      } else this.start(() => listen({ ...all, host: address }));
    });
  }

  private openOn(fd: number, backlog: number): OwnedFd {
    this.given = true;
    const listener = OwnedFd.adopt(fd);
    listenOn(listener, backlog);
    setFlags(listener, { nonblock: true });
    return listener;
  }

  private start(open: () => OwnedFd): void {
    this.starting = undefined;
    try {
      this.listener = open();
      this.inherit(this.listener);
    } catch (error) {
      const told = SystemError.is(error)
        ? failedListen(error.errno, error.path ?? error.address ?? '', error.port)
        : (error as Error);
      process.nextTick(() => this.emit('error', told));
      return;
    }
    if (this.referenced) this.shared.reference();
    const { listener } = this;
    this.acceptor = this.shared.backend.accept(listener, {
      connection: (socket) => this.accept(socket),
      failed: (result) => this.failed(result),
    });
    process.nextTick(() => {
      if (this.listener === listener) this.emit('listening');
    });
  }

  /** What connections have from the start they have from their listener. */
  private inherit(listener: OwnedFd): void {
    const { noDelay, keepAlive, keepAliveInitialDelay = 0 } = this.options;
    if (this.path !== undefined) return;
    const idleMs = Math.floor(keepAliveInitialDelay / 1000) * 1000;
    setSocketOptions(listener, {
      ...(noDelay ? { noDelay } : {}),
      ...(keepAlive ? { keepAlive } : {}),
      ...(keepAlive && idleMs > 0 ? { keepAliveIdleMs: idleMs } : {}),
    });
  }

  address(): AddressInfo | string | null {
    if (this.listener === undefined) return null;
    if (this.path !== undefined) return this.path;
    const address: SocketAddress = addressOf(this.listener);
    return 'path' in address ? address.path : (nodeAddress(address) as AddressInfo);
  }

  // --- connections -------------------------------------------------------------------------------

  private accept(descriptor: OwnedFd): void {
    if (this.maxConnections !== undefined && this.connectionCount >= this.maxConnections) {
      this.drop(descriptor);
      return;
    }
    const { highWaterMark, backend } = this.options;
    const socket = new Socket({ allowHalfOpen: this.allowHalfOpen, highWaterMark, backend });
    this.connectionCount++;
    socket.server = this;
    socket.onGone = () => this.forget();
    if (this.path !== undefined) socket.onUnix();
    socket.wire.enter(() => {
      if (this.pauseOnConnect) socket.pause();
      socket.adopt(descriptor, !this.pauseOnConnect);
      if (accepts.hasSubscribers) accepts.publish({ server: this, connection: socket });
      this.emit('connection', socket);
    });
  }

  private drop(descriptor: OwnedFd): void {
    const told: Record<string, unknown> = {};
    const { address, port, family } = nodeAddress(addressOf(descriptor)) as Partial<AddressInfo>;
    Object.assign(told, { localAddress: address, localPort: port, localFamily: family });
    try {
      const peer = nodeAddress(peerAddressOf(descriptor)) as Partial<AddressInfo>;
      Object.assign(told, {
        remoteAddress: peer.address,
        remotePort: peer.port,
        remoteFamily: peer.family,
      });
    } catch {
      // It has gone by itself.
    }
    descriptor.close();
    this.emit('drop', this.path === undefined ? told : undefined);
  }

  private failed(result: number): void {
    const error = failedCall(result, 'accept');
    if (errors.hasSubscribers) errors.publish({ server: this, error });
    // Connections wait until descriptors or memory are there again.
    if (!isShortage(result)) this.emit('error', error);
  }

  private forget(): void {
    this.connectionCount--;
    this.closeWhenDrained();
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this.connectionCount);
    return this;
  }

  // --- the end -----------------------------------------------------------------------------------

  close(callback?: (error?: Error) => void): this {
    const running = this.listener !== undefined || this.starting !== undefined;
    if (typeof callback === 'function') {
      this.once('close', () => (running ? callback() : callback(serverNotRunning())));
    }
    this.starting = undefined;
    if (this.listener !== undefined) {
      this.acceptor?.close();
      // Of one that was given by number there may be other owners.
      if (!this.given) endListening(this.listener);
      this.listener.close();
      this.listener = undefined;
      if (this.referenced) this.shared.dereference();
      if (this.path !== undefined) unlinkPath(this.path);
      this.path = undefined;
    }
    this.closeWhenDrained();
    return this;
  }

  private closeWhenDrained(): void {
    if (this.listener !== undefined || this.connectionCount > 0) return;
    process.nextTick(() => {
      if (this.listener === undefined && this.connectionCount === 0) this.emit('close');
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.listening) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.close((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  ref(): this {
    if (!this.referenced && this.listener !== undefined) this.shared.reference();
    this.referenced = true;
    return this;
  }

  unref(): this {
    if (this.referenced && this.listener !== undefined) this.shared.dereference();
    this.referenced = false;
    return this;
  }
}

function checkListen(options: ListenArguments): void {
  if ('port' in options || 'path' in options || 'fd' in options) return;
  throw invalidValue('options', 'must have the property "port" or "path"', options);
}

/** Every address of the machine: of both families where there are two. */
function openAnywhere(options: ListenOptions): OwnedFd {
  try {
    return listen({ ...options, host: '::' });
  } catch (error) {
    if (!SystemError.is(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL')) throw error;
    return listen({ ...options, host: '0.0.0.0' });
  }
}
