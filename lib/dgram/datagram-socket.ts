/** A socket for datagrams: it sends and receives many at a time. */
import { EDESTADDRREQ, EMSGSIZE } from '../abi.js';
import { type SystemError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { DatagramEvents, Datagrams } from '../loop/backend.js';
import { DATAGRAM_BYTES_MAX, type DatagramBatch } from '../loop/datagram-batch.js';
import { Received } from '../loop/received.js';
import type { SharedBackend } from '../loop/shared-backend.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf } from '../socket/listen.js';
import { bytesView, invalidType, invalidValue } from '../validate.js';
import { closes, errors } from './channels.js';
import { Incoming, type ReceiveOptions } from './incoming.js';
import { type Message, Messages } from './message.js';
import type { DatagramHandlers, DatagramPlan } from './options.js';
import { type Peer, Peers } from './peer.js';
import { PLAIN, planSend, type SendOptions } from './send-options.js';
import { DatagramSettings } from './settings.js';

/** What a socket has done so far. */
export interface DatagramStats {
  readonly received: number;
  readonly receivedBytes: number;
  /** Taken by the kernel; a datagram that it cuts into several counts once. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Waiting to be taken. */
  readonly pending: number;
  /** Given up: each was told to `error`. */
  readonly lost: number;
  readonly errors: number;
  /** Times that the kernel had no room for more (EAGAIN, ENOBUFS), and was asked again later. */
  readonly stalls: number;
}

/** Made by `bind` or `connect`. */
export class DatagramSocket extends DatagramSettings implements AsyncDisposable, Disposable {
  /** Whom it is connected to. */
  readonly peer: Peer | undefined;
  private readonly handlers: DatagramHandlers;
  private readonly shared: SharedBackend;
  private readonly datagrams: Datagrams;
  private readonly peers: Peers;
  private readonly lent: Messages;
  private readonly incoming: Incoming;
  /** @internal */
  readonly whenClosed: Promise<void>;
  private readonly paused = { byUser: false, byQueue: false };
  private referenced = true;
  private isClosed = false;
  private received = 0;
  private receivedBytes = 0;
  private lost = 0;
  private failures = 0;
  /** Of `flushed`. */
  private flushes: (() => void)[] = [];
  private lostBy: SystemError | undefined = undefined;
  private end: () => void = () => undefined;

  /** @internal */
  constructor(
    shared: SharedBackend,
    socket: OwnedFd,
    plan: DatagramPlan,
    handlers: DatagramHandlers,
    peer: SocketAddress | undefined,
  ) {
    super(socket, plan.family);
    this.shared = shared;
    this.handlers = handlers;
    this.peers = new Peers(plan.family);
    this.peer = peer === undefined ? undefined : this.peers.named(peer);
    this.lent = new Messages(this);
    this.incoming = new Incoming(plan.queue);
    this.whenClosed = new Promise((resolve) => {
      this.end = resolve;
    });
    const { controlBytes, maxBytes, highWater } = plan;
    const limits = { controlBytes, maxBytes, highWater };
    this.datagrams = shared.backend.datagrams(socket, this.events(), limits);
    shared.reference();
  }

  private events(): DatagramEvents {
    return {
      received: (batch) => this.take(batch),
      drained: () => this.drained(),
      failed: (result, lost) => this.failed(result, lost),
      closed: () => this.closed(),
    };
  }

  // --- what it is told ---------------------------------------------------------------------------

  private take(batch: DatagramBatch): void {
    this.received += batch.count;
    for (let index = 0; index < batch.count; index++) this.receivedBytes += batch.lengthOf(index);
    const { lent, handlers } = this;
    lent.show(batch);
    try {
      if (handlers.messages === undefined) this.queue(lent);
      else handlers.messages(lent, this);
    } finally {
      lent.takeBack();
    }
  }

  private queue(messages: Messages): void {
    this.incoming.take(messages);
    if (!this.incoming.full || this.paused.byQueue) return;
    this.paused.byQueue = true;
    this.datagrams.pause();
  }

  private drained(): void {
    for (const flushed of this.flushes.splice(0)) flushed();
    this.handlers.drain?.(this);
  }

  private failed(result: number, lost: number): void {
    const error = systemError(result, lost > 0 ? 'sendmmsg' : 'recvmmsg', {
      fd: this.socket.fd,
    });
    this.failures++;
    this.lost += lost;
    if (lost > 0) this.lostBy ??= error;
    if (errors.hasSubscribers) errors.publish({ socket: this, error, lost });
    if (this.handlers.error !== undefined) this.handlers.error(error, lost, this);
    else if (lost === 0) this.incoming.fail(error);
  }

  private closed(): void {
    this.isClosed = true;
    this.unref();
    this.incoming.end();
    for (const flushed of this.flushes.splice(0)) flushed();
    if (closes.hasSubscribers) closes.publish({ socket: this });
    try {
      this.handlers.close?.(this);
    } finally {
      this.end();
    }
  }

  // --- sending -----------------------------------------------------------------------------------

  /**
   * Sends a datagram; the bytes can be used again when this returns. What is sent in one turn goes
   * down together. `to` may be left out on a connected socket.
   *
   * False: so much waits that it is better to stop until `drain`. What the kernel refuses is told
   * to `error`.
   *
   * @errno EMSGSIZE it is longer than any datagram can be
   * @man sendmmsg(2), udp(7)
   */
  send(
    bytes: Received | Uint8Array | string,
    to: SocketAddress | Peer | undefined = undefined,
    options: SendOptions | undefined = undefined,
  ): boolean {
    const source = bytesOf(bytes);
    if (to === undefined && this.peer === undefined) {
      throw invalidValue('to', 'must be given on a socket that is not connected', to);
    }
    const name = to === undefined ? undefined : this.peers.named(to).bytes;
    const plan = options === undefined ? PLAIN : planSend(options, this.family);
    if (source.length > plan.most) return this.sendParts(source, name, plan.most, plan.control);
    if (source.length > DATAGRAM_BYTES_MAX) throw systemError(-EMSGSIZE, 'sendmmsg');
    return this.datagrams.send(source, name, plan.control);
  }

  private sendParts(
    source: Uint8Array,
    name: Uint8Array | undefined,
    most: number,
    control: Uint8Array | undefined,
  ): boolean {
    let room = true;
    for (let at = 0; at < source.length; at += most) {
      room = this.datagrams.send(source.subarray(at, at + most), name, control);
    }
    return room;
  }

  /**
   * Resolves when the kernel has all that was sent so far; rejects when some of it was given up
   * since the last call.
   */
  async flushed(): Promise<void> {
    if (!this.isClosed && !this.datagrams.flush()) {
      await new Promise<void>((resolve) => void this.flushes.push(resolve));
    }
    const error = this.lostBy;
    this.lostBy = undefined;
    if (error !== undefined) throw error;
  }

  /** An address to send to again and again. */
  peerAt(address: SocketAddress): Peer {
    return this.peers.named(address);
  }

  // --- receiving ---------------------------------------------------------------------------------

  /** @internal Whoever sends without a name must not be able to make a handler throw. */
  unanswerable(): boolean {
    this.failed(-EDESTADDRREQ, 1);
    return true;
  }

  /** @internal */
  senderOf(batch: DatagramBatch, index: number): Peer | undefined {
    return this.peers.senderOf(batch, index);
  }

  /**
   * The next datagram, which is the caller's own; undefined when the socket has been closed. Not on
   * a socket with a `messages` handler.
   */
  receive(options: ReceiveOptions = {}): Promise<Message | undefined> {
    if (this.handlers.messages !== undefined) {
      return Promise.reject(new TypeError('messages go to the handler of this socket'));
    }
    const next = this.incoming.next(options);
    if (this.paused.byQueue && !this.incoming.full) {
      this.paused.byQueue = false;
      if (!this.paused.byUser && !this.isClosed) this.datagrams.resume();
    }
    return next;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    try {
      for (;;) {
        const message = await this.receive();
        if (message === undefined) return;
        yield message;
      }
    } finally {
      this.close();
    }
  }

  /** Nothing more is received until `resume`, but for what has been already. */
  pause(): void {
    this.paused.byUser = true;
    this.datagrams.pause();
  }

  resume(): void {
    this.paused.byUser = false;
    if (!this.paused.byQueue) this.datagrams.resume();
  }

  // --- the socket --------------------------------------------------------------------------------

  /** Where it receives. */
  get address(): SocketAddress {
    return addressOf(this.socket);
  }

  /** The port; undefined of a Unix socket. */
  get port(): number | undefined {
    const { address } = this;
    return 'port' in address ? address.port : undefined;
  }

  get stats(): DatagramStats {
    const { sent, sentBytes, pending, stalls } = this.datagrams;
    const { received, receivedBytes, lost, failures } = this;
    return { received, receivedBytes, sent, sentBytes, pending, lost, errors: failures, stalls };
  }

  /** Keeps the process alive, as it does at first. */
  ref(): this {
    if (!this.referenced && !this.isClosed) {
      this.shared.reference();
      this.referenced = true;
    }
    return this;
  }

  unref(): this {
    if (this.referenced) this.shared.dereference();
    this.referenced = false;
    return this;
  }

  /** Sends what was sent in this turn, closes, and resolves when nothing is left. */
  close(): Promise<void> {
    this.datagrams.close();
    return this.whenClosed;
  }

  [Symbol.dispose](): void {
    this.datagrams.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function bytesOf(bytes: Received | Uint8Array | string): Uint8Array {
  if (bytes instanceof Uint8Array) return bytesView('bytes', bytes) as Uint8Array;
  if (bytes instanceof Received) return bytes.bytes;
  if (typeof bytes === 'string') return Buffer.from(bytes);
  throw invalidType('bytes', 'a Received, a Uint8Array or a string', bytes);
}
