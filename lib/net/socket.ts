/** `Socket`: the node:net class of that name, over a ring or an epoll. */

import type { OnReadOpts } from 'node:net';
import { Duplex } from 'node:stream';
import { ECANCELED } from '../abi.js';
import { OwnedFd } from '../fd/fd.js';
import type { Pending } from '../loop/backend.js';
import { sharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, peerAddressOf } from '../socket/listen.js';
import { setSocketOption, setSocketOptions } from '../socket/options.js';
import { takeFile } from '../splice/takes-files.js';
import { invalidType, outOfRange } from '../validate.js';
import { closes, connects, errors } from './channels.js';
import { checkConnect, Dial } from './dial.js';
import {
  type ConnectOptions,
  type Listener,
  normalise,
  type SocketOptions,
} from './node-arguments.js';
import {
  closedBeforeConnection,
  endedByPeer,
  invalidHandleType,
  socketClosed,
} from './node-errors.js';
import { Wire } from './wire.js';

/** As `socket.address()` shows it. */
export interface AddressInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
}

type Callback = (error?: Error | null) => void;
export type SocketReadyState = 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed';

const TIMEOUT_MAX = 2 ** 31 - 1;

const NO_ADDRESS = {};

export function nodeAddress(address: SocketAddress): AddressInfo | object {
  if ('path' in address) return NO_ADDRESS;
  const family = address.host.includes(':') ? 'IPv6' : 'IPv4';
  return { address: address.host, family, port: address.port };
}

/**
 * A connection, as `net.Socket`: the same methods, properties, events and errors.
 *
 * What differs: bytes that are written leave at the end of the turn, all of a turn together; and a
 * write is done when the library has taken the bytes over (at most 64 KiB wait there).
 */
export class Socket extends Duplex {
  connecting = false;
  timeout: number | undefined = undefined;
  /** The server that accepted it. */
  server: unknown = null;
  /** With `autoSelectFamily`: what was tried so far, as 'address:port'. */
  autoSelectFamilyAttemptedAddresses: string[] | undefined = undefined;
  /** @internal */
  readonly wire: Wire;
  /** @internal */
  onGone: (() => void) | undefined = undefined;
  private dial: Dial | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  private peer: AddressInfo | object | undefined = undefined;
  private own: AddressInfo | object | undefined = undefined;
  private noDelay = false;
  private keepAlive: { enable: boolean; idleMs: number } | undefined = undefined;
  private isUnix = false;

  constructor(options: SocketOptions = {}) {
    const { allowHalfOpen = false, highWaterMark, signal, backend, onread } = options;
    super({
      allowHalfOpen,
      emitClose: false,
      autoDestroy: true,
      ...(highWaterMark === undefined ? {} : { highWaterMark }),
      ...(signal === undefined ? {} : { signal }),
    });
    const given = isOnRead(onread) ? onread : undefined;
    this.wire = new Wire(this, sharedBackend(backend, false), given);
    this.on('end', onEnd);
    if (options.fd !== undefined) this.adopt(OwnedFd.adopt(options.fd), true);
  }

  // --- connecting --------------------------------------------------------------------------------

  connect(options: ConnectOptions, listener?: Listener): this;
  connect(port: number, host: string, listener?: Listener): this;
  connect(port: number, listener?: Listener): this;
  connect(path: string, listener?: Listener): this;
  connect(...given: unknown[]): this {
    const { options, listener } = normalise<ConnectOptions>(given);
    checkConnect(options);
    if (this.destroyed || this.writableEnded) this.begin();
    if (listener !== undefined) this.once('connect', listener);
    if (options.noDelay) this.noDelay = true;
    if (options.keepAlive) {
      this.keepAlive = { enable: true, idleMs: options.keepAliveInitialDelay ?? 0 };
    }
    if (options.timeout !== undefined && this.timeout === undefined && !this.timer) {
      this.setTimeout(options.timeout);
    }
    this.connecting = true;
    this.isUnix = Boolean(options.path);
    this.wire.hold(true);
    this.touch();
    const dial = new Dial(this.wire.shared.backend, options, {
      lookup: (error, address, family, host) => {
        this.touch();
        this.emit('lookup', error, address, family, host);
      },
      attempt: (address, port, family) =>
        void this.emit('connectionAttempt', address, port, family),
      attemptFailed: (address, port, family, error) =>
        void this.emit('connectionAttemptFailed', address, port, family, error),
      attemptTimedOut: (address, port, family) =>
        void this.emit('connectionAttemptTimeout', address, port, family),
      connected: (socket) => this.connected(socket),
      failed: (error) => void this.destroy(error),
    });
    this.dial = dial;
    this.autoSelectFamilyAttemptedAddresses = dial.attempted;
    dial.start();
    return this;
  }

  /** A socket that was used before is as new. */
  private begin(): void {
    type States = { _undestroy(): void };
    (this as unknown as States)._undestroy();
    this.peer = undefined;
    this.own = undefined;
    this.wire.begin();
  }

  private connected(socket: OwnedFd): void {
    if (this.destroyed) {
      socket.close();
      return;
    }
    this.connecting = false;
    this.dial = undefined;
    this.touch();
    this.wire.enter(() => {
      this.adopt(socket, false);
      if (connects.hasSubscribers) connects.publish({ connection: this });
      this.emit('connect');
      this.emit('ready');
      if (!this.destroyed && !this.isPaused()) this.read(0);
    });
  }

  /** @internal It is no internet socket, and has no options of one. */
  onUnix(): void {
    this.isUnix = true;
  }

  /** @internal From here on it is connected. */
  adopt(socket: OwnedFd, reading: boolean): void {
    this.wire.adopt(socket);
    if (this.noDelay) this.setNoDelay(true);
    if (this.keepAlive !== undefined) {
      this.setKeepAlive(this.keepAlive.enable, this.keepAlive.idleMs);
    }
    if (reading) this.read(0);
  }

  get pending(): boolean {
    return this.wire.stream === undefined || this.connecting;
  }

  get readyState(): SocketReadyState {
    if (this.connecting) return 'opening';
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  // --- streaming ---------------------------------------------------------------------------------

  /** @internal How a stream of a file that is piped into this one goes, unless a heir writes. */
  [takeFile](
    file: OwnedFd,
    offset: number,
    length: number,
    done: (result: number, bytes: number) => void,
  ): (() => void) | undefined {
    const { write, _write, _writev } = Socket.prototype;
    if (this.write !== write || this._write !== _write || this._writev !== _writev) return;
    let pending: Pending | undefined;
    let cancelled = false;
    // Behind what was written before, and once there is a connection.
    this.write('', (error) => {
      if (!error && !cancelled) pending = this.wire.sendFile(file, offset, length, done);
      if (pending === undefined) done(-ECANCELED, 0);
    });
    return () => {
      cancelled = true;
      pending?.cancel();
    };
  }

  override _read(): void {
    if (this.connecting) this.once('connect', () => this.wire.read());
    else this.wire.read();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.writeSoon([chunk], callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.writeSoon(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  private writeSoon(pieces: Buffer[], callback: Callback): void {
    if (!this.connecting) {
      this.touch();
      this.wire.write(pieces, callback);
      return;
    }
    const onClose = (): void => callback(closedBeforeConnection());
    this.once('connect', () => {
      this.off('close', onClose);
      this.writeSoon(pieces, callback);
    });
    this.once('close', onClose);
  }

  override _final(callback: Callback): void {
    if (this.connecting) this.once('connect', () => this._final(callback));
    else this.wire.end(callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.connecting = false;
    this.dial?.cancel();
    this.dial = undefined;
    clearTimeout(this.timer);
    if (error !== null && errors.hasSubscribers) errors.publish({ connection: this, error });
    this.wire.close(() => {
      if (closes.hasSubscribers) closes.publish({ connection: this });
      this.emit('close', error !== null);
      this.onGone?.();
    });
    callback(error);
  }

  /** Ends the writing side, and destroys when all was written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  /** Closes with a reset (RST); before the connection is there, as soon as it is. */
  resetAndDestroy(): this {
    if (this.connecting) this.once('connect', () => this.reset());
    else if (this.wire.stream === undefined) this.destroy(socketClosed());
    else if (this.isUnix) throw invalidHandleType();
    else this.reset();
    return this;
  }

  private reset(): void {
    this.wire.resetting = true;
    this.destroySoon();
  }

  /** @deprecated as in node:net: `writableLength` */
  get bufferSize(): number | undefined {
    return this.wire.stream === undefined ? undefined : this.writableLength;
  }

  get bytesRead(): number {
    return this.wire.bytesRead;
  }

  /** With what still waits. */
  get bytesWritten(): number {
    const { bytesDispatched, undispatched, writing } = this.wire;
    return bytesDispatched + undispatched + this.writableLength - writing;
  }

  // --- time --------------------------------------------------------------------------------------

  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (this.destroyed) return this;
    if (typeof timeoutMs !== 'number') throw invalidType('msecs', 'of type number', timeoutMs);
    if (!(timeoutMs >= 0 && Number.isFinite(timeoutMs))) {
      throw outOfRange('msecs', 'a non-negative finite number', timeoutMs);
    }
    if (listener !== undefined && typeof listener !== 'function') {
      throw invalidType('callback', 'of type function', listener);
    }
    this.timeout = timeoutMs;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (timeoutMs === 0) {
      if (listener !== undefined) this.off('timeout', listener);
      return this;
    }
    this.timer = setTimeout(() => this.timedOut(), Math.min(timeoutMs, TIMEOUT_MAX));
    this.timer.unref();
    if (listener !== undefined) this.once('timeout', listener);
    return this;
  }

  private timedOut(): void {
    this.wire.enter(() => this.emit('timeout'));
  }

  /** @internal Something came or went. */
  touch(): void {
    this.timer?.refresh();
  }

  // --- the socket itself -------------------------------------------------------------------------

  /**
   * What is connected, for its options (`setSocketOptions`); undefined where nothing is. Closing it
   * destroys the socket. Node's own sockets have no such property.
   */
  get descriptor(): OwnedFd | undefined {
    return this.wire.stream?.socket;
  }

  setNoDelay(enable = true): this {
    this.noDelay = enable;
    const { stream } = this.wire;
    if (stream !== undefined && !this.isUnix) {
      trying(() => setSocketOption(stream.socket, 'noDelay', enable));
    }
    return this;
  }

  setKeepAlive(enable = false, initialDelayMs = 0): this {
    this.keepAlive = { enable, idleMs: initialDelayMs };
    const { stream } = this.wire;
    if (stream === undefined || this.isUnix) return this;
    // In whole seconds, as Node takes it; less than one is the system's own.
    const idleMs = Math.floor(initialDelayMs / 1000) * 1000;
    const times = enable && idleMs > 0 ? { keepAliveIdleMs: idleMs } : {};
    trying(() => setSocketOptions(stream.socket, { keepAlive: enable, ...times }));
    return this;
  }

  address(): AddressInfo | object {
    const { stream } = this.wire;
    if (stream !== undefined) {
      this.own ??= trying(() => nodeAddress(addressOf(stream.socket)));
    }
    return this.own ?? NO_ADDRESS;
  }

  private get peerInfo(): Partial<AddressInfo> {
    const { stream } = this.wire;
    if (stream !== undefined) {
      this.peer ??= trying(() => nodeAddress(peerAddressOf(stream.socket)));
    }
    return this.peer ?? NO_ADDRESS;
  }

  get remoteAddress(): string | undefined {
    return this.peerInfo.address;
  }
  get remoteFamily(): string | undefined {
    return this.peerInfo.family;
  }
  get remotePort(): number | undefined {
    return this.peerInfo.port;
  }
  get localAddress(): string | undefined {
    return (this.address() as Partial<AddressInfo>).address;
  }
  get localFamily(): string | undefined {
    return (this.address() as Partial<AddressInfo>).family;
  }
  get localPort(): number | undefined {
    return (this.address() as Partial<AddressInfo>).port;
  }

  ref(): this {
    this.wire.reference(true);
    return this;
  }

  unref(): this {
    this.wire.reference(false);
    return this;
  }
}

/** Whatever fails on a socket that is on its way out does not matter. */
function trying<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

function isOnRead(onread: OnReadOpts | undefined): onread is OnReadOpts {
  if (onread === undefined || onread === null || typeof onread !== 'object') return false;
  const { buffer } = onread;
  return (
    typeof onread.callback === 'function' &&
    (buffer instanceof Uint8Array || typeof buffer === 'function')
  );
}

/** What is written after the peer has ended, where our side was not to outlive it. */
function onEnd(this: Socket): void {
  if (this.allowHalfOpen) return;
  this.write = writeAfterEnd as Socket['write'];
}

function writeAfterEnd(this: Socket, ...given: unknown[]): boolean {
  if (!this.writableEnded) return Reflect.apply(Duplex.prototype.write, this, given);
  const callback = given.find((each) => typeof each === 'function') as Callback | undefined;
  const error = endedByPeer();
  if (callback !== undefined) process.nextTick(callback, error);
  this.destroy(error);
  return false;
}
