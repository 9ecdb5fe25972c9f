/** A connection as the handlers of `serve` see it: it gives them its stream's events. */
import { EPIPE } from '../abi.js';
import { systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Stream } from '../loop/backend.js';
import { Flags } from '../loop/flags.js';
import { Received } from '../loop/received.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, peerAddressOf } from '../socket/listen.js';
import { bytesView, invalidType } from '../validate.js';
import type { Served } from './serve.js';

/** So much waits to be sent that `write` answered false. */
const FULL = 1;
const PAUSED = 2;
const PEER_ENDED = 4;
/** We want to end our side, and have ended it. */
const WE_END = 8;
const WE_ENDED = 16;
const GONE = 32;

/** One connection of `serve`. */
export class ServedConnection<State = unknown> extends Flags {
  /** The user's own. */
  state: State | undefined = undefined;
  /** Bytes so far. */
  bytesReceived = 0;
  /** Bytes so far, with those that still wait. */
  bytesSent = 0;
  /** @internal Among the open ones of its server. */
  place = -1;
  /** @internal The sweep in which it was last used, and the one in which it began. */
  usedAt: number;
  /** @internal */
  bornAt: number;
  private readonly server: Served<State>;
  /** @internal */
  readonly stream: Stream;
  private remote: SocketAddress | undefined = undefined;

  /** @internal */
  constructor(server: Served<State>, socket: OwnedFd) {
    super();
    this.server = server;
    this.usedAt = server.sweeps;
    this.bornAt = server.sweeps;
    this.stream = server.backend.stream(socket, this, server.streamOptions);
  }

  /** For its options; closing it closes the connection without a word. */
  get socket(): OwnedFd {
    return this.stream.socket;
  }

  /** Bytes that wait to be sent. */
  get pending(): number {
    return this.stream.pending;
  }

  /** False from `close` on, whoever it was that closed. */
  get open(): boolean {
    return !this.is(GONE);
  }

  /**
   * The peer's address, asked of the kernel once.
   *
   * @errno ENOTCONN it is gone already
   */
  get remoteAddress(): SocketAddress {
    this.remote ??= peerAddressOf(this.socket);
    return this.remote;
  }

  get localAddress(): SocketAddress {
    return addressOf(this.socket);
  }

  /**
   * Sends; the bytes can be used again when this returns. What is written in one turn goes
   * together. False: so much waits that it is better to stop until `drain`.
   *
   * A connection that is closed already takes nothing, and answers false.
   */
  write(data: Received | Uint8Array | string): boolean {
    if (this.is(GONE)) return false;
    let bytes: Uint8Array;
    let { length } = data;
    let start = 0;
    if (data instanceof Received) ({ source: bytes, start } = data);
    else if (typeof data === 'string') {
      bytes = Buffer.from(data);
      ({ length } = bytes);
    } else if (data instanceof Uint8Array) bytes = bytesView('data', data) as Uint8Array;
    else throw invalidType('data', 'a Received, a Uint8Array or a string', data);
    const room = this.stream.send(bytes, start, length);
    this.bytesSent += length;
    this.server.bytesSent += length;
    this.usedAt = this.server.sweeps;
    if (!room) this.fill();
    return room;
  }

  private fill(): void {
    if (this.is(FULL)) return;
    this.set(FULL);
    if (this.server.plan.autoPause) this.stream.pause();
  }

  /** What is written until `uncork` goes together, over several turns. */
  cork(): void {
    this.stream.cork();
  }

  uncork(): void {
    if (!this.is(GONE)) this.stream.uncork();
  }

  /** Nothing is received until `resume`. */
  pause(): void {
    this.set(PAUSED);
    this.stream.pause();
  }

  resume(): void {
    this.unset(PAUSED);
    if (!this.is(GONE) && !(this.is(FULL) && this.server.plan.autoPause)) this.stream.resume();
  }

  /** Ends our side when all was sent; closes when the peer has ended its own, too. */
  end(data?: Received | Uint8Array | string): void {
    if (this.is(GONE | WE_END)) return;
    if (data !== undefined) this.write(data);
    this.set(WE_END);
    this.stream.end();
  }

  /** Closes at once; what was not sent is dropped. */
  close(): void {
    if (this.is(GONE)) return;
    this.set(GONE);
    this.stream.close();
  }

  /** As `close`; the peer is told that something went wrong. */
  reset(): void {
    if (this.is(GONE)) return;
    this.set(GONE);
    this.stream.reset();
  }

  // --- what the stream tells ---------------------------------------------------------------------

  /** @internal */
  received(bytes: Uint8Array, length: number): void {
    const { server } = this;
    this.bytesReceived += length;
    server.bytesReceived += length;
    this.usedAt = server.sweeps;
    const { lease } = server;
    lease.lend(bytes, length);
    let returned = false;
    try {
      server.handlers.data(this, lease);
      returned = true;
    } finally {
      lease.takeBack();
      if (!returned) this.reset();
    }
  }

  /** @internal */
  ended(): void {
    this.set(PEER_ENDED);
    this.guard(() => this.server.handlers.end?.(this));
    if (!this.server.plan.allowHalfOpen) this.end();
    if (this.is(WE_ENDED)) this.close();
  }

  /** @internal */
  finished(): void {
    this.set(WE_ENDED);
    if (this.is(PEER_ENDED)) this.close();
  }

  /** @internal */
  drained(): void {
    this.unset(FULL);
    this.usedAt = this.server.sweeps;
    if (!this.is(PAUSED) && this.server.plan.autoPause) this.stream.resume();
    this.guard(() => this.server.handlers.drain?.(this));
  }

  /** @internal */
  failed(result: number): void {
    this.set(GONE);
    this.server.errors++;
    // The peer is gone, and may have been gone for long: EPIPE is what only a send meets.
    const error = systemError(result, result === -EPIPE ? 'send' : 'recv');
    this.server.tellError(error, this);
    this.server.handlers.error?.(this, error);
  }

  /** @internal */
  closed(): void {
    this.set(GONE);
    this.server.forget(this);
    this.server.handlers.close?.(this);
  }

  /** @internal A handler that throws costs this connection. */
  guard(call: () => void): void {
    let returned = false;
    try {
      call();
      returned = true;
    } finally {
      if (!returned) this.reset();
    }
  }
}
