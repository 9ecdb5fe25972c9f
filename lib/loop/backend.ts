/**
 * What net, http, dgram and fs are built on: callbacks on Node's loop, over io_uring or over epoll.
 *
 * Results are as the kernel gives them: 0 or a count, or `-errno`. Callbacks run in no particular
 * async context: who needs one brings it. One that throws is an 'uncaughtException', and costs no
 * other callback.
 */
import type { FdLike, OwnedFd } from '../fd/fd.js';
import type { SocketAddress } from '../socket/address.js';
import type { SplicePlan } from '../splice/calls.js';
import type { DatagramBatch } from './datagram-batch.js';

export type BackendName = 'io_uring' | 'epoll';

/** Something that was begun. Its callback is still called, with -ECANCELED or what was done. */
export interface Pending {
  cancel(): void;
}

/** 0, or `-errno` of what ended it early; and the bytes that the socket has taken. */
export type FileDone = (result: number, bytes: number) => void;

/** Waits for a socket. */
export interface Poll extends Pending {
  /**
   * Tells once when one of `events` (EPOLL* bits) has come; an end or an error, and whatever else
   * is known, may be told as well. Whoever waits has received, or sent, until it did not go on.
   */
  wait(events: number): void;
}

/** What a listening socket tells. */
export interface AcceptEvents {
  /** A connection, close-on-exec and non-blocking; the receiver closes it. */
  connection(socket: OwnedFd): void;
  /** `-errno`. Where descriptors or memory ran out (EMFILE), accepting goes on a little later. */
  failed(result: number): void;
}

export interface Acceptor {
  /** Others stay in the backlog until `resume`; what was taken already may still be told of. */
  pause(): void;
  resume(): void;
  /** Nothing more is told; connections that were not taken yet stay in the backlog. */
  close(): void;
  /**
   * As `close`, and connections that the kernel was taking meanwhile are still told of before
   * `done`: where others go on accepting from the same socket, none is lost.
   */
  finish(done: () => void): void;
}

/** What a connection tells. `closed` is the last of it, and comes exactly once. */
export interface StreamEvents {
  /** The first `length` of `bytes`, which are the library's again when this returns. */
  received(bytes: Uint8Array, length: number): void;
  /** The peer has ended its side. */
  ended(): void;
  /** All that was sent has been taken by the kernel; told when `send` had answered false. */
  drained(): void;
  /** Our side has ended, as `end` asked: the kernel has all that was sent, and tells the peer. */
  finished?(): void;
  /** `-errno`: the connection is broken, and is closed now. */
  failed(result: number): void;
  /** Nothing is in flight any more, and the descriptor is closed. */
  closed(): void;
}

export interface Stream {
  readonly socket: OwnedFd;
  /** Bytes that the kernel has not taken yet. */
  readonly pending: number;
  /**
   * Copies what the kernel does not take at once: `bytes` can be used again when this returns. What
   * is sent in one turn goes down together. False: enough is waiting, until `drained`.
   */
  send(bytes: Uint8Array, offset?: number, length?: number): boolean;
  /**
   * Sends a part of a file, in its place among what is sent, without a copy and without waiting for
   * the disk in this thread. Fewer bytes and a result of 0: the file has become shorter. The stream
   * goes on in any case, unless it was the socket that failed.
   */
  sendFile(file: OwnedFd, offset: number, length: number, done: FileDone): Pending;
  /** As `sendFile`, of the first bytes that are in a pipe. */
  sendPipe(readEnd: OwnedFd, length: number, done: FileDone): Pending;
  /**
   * Gives the socket up, neither closed nor in use, when all was sent and nothing is in flight any
   * more; `closed` is not told. `done` gets what had been received and not told, or undefined when
   * the stream ended first.
   */
  detach(done: (held: Uint8Array[] | undefined) => void): void;
  /** Nothing is received until `resume`; bytes that came meanwhile wait. */
  pause(): void;
  resume(): void;
  /** Nothing goes down until `uncork`: what is sent meanwhile goes together. */
  cork(): void;
  uncork(): void;
  /** Ends our side when all was sent (SHUT_WR), also what is corked. */
  end(): void;
  /** Closes at once; what was not sent is dropped. */
  close(): void;
  /** As `close`; the peer gets a reset. */
  reset(): void;
}

export interface StreamOptions {
  /** Nothing is received before `resume`. Default false. */
  paused?: boolean;
  /** As the backend's, for this stream. */
  highWater?: number;
}

/** What a datagram socket tells. `closed` is the last of it, and comes exactly once. */
export interface DatagramEvents {
  /** What came together; it is the library's again when this returns. */
  received(batch: DatagramBatch): void;
  /** All that was sent has gone; told when `send` or `flush` had answered false. */
  drained(): void;
  /**
   * `-errno`, such as -ECONNREFUSED because of an earlier datagram. It goes on; `lost` datagrams
   * that were to be sent are given up.
   */
  failed(result: number, lost: number): void;
  /** Nothing is in flight any more, and the descriptor is closed. */
  closed(): void;
}

export interface Datagrams {
  readonly socket: OwnedFd;
  /** Datagrams that the kernel has not taken yet, and their bytes. */
  readonly pending: number;
  readonly pendingBytes: number;
  /** Datagrams that it took, and their bytes. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Times that it had no room for more, and was asked again later. */
  readonly stalls: number;
  /**
   * Copies a datagram: `bytes` can be used again when this returns. What is sent in one turn goes
   * down together. `to` is an encoded address, undefined on connected sockets; `control` holds
   * encoded control messages: neither is changed afterwards. False: enough is waiting, until
   * `drained`.
   */
  send(bytes: Uint8Array, to?: Uint8Array, control?: Uint8Array): boolean;
  /** Sends now what waits for the end of the turn. False: not all has gone, `drained` will tell. */
  flush(): boolean;
  /** Nothing more is received until `resume`; what has been received already is still told. */
  pause(): void;
  resume(): void;
  /** Closes at once; what the kernel has no room for is lost, and told to be. */
  close(): void;
}

export interface DatagramOptions {
  /** Longer ones are cut off. Default 65,535. */
  maxBytes?: number;
  /** Room for control messages. Default 0. */
  controlBytes?: number;
  /** Nothing is received before `resume`. Default false. */
  paused?: boolean;
  /** As the backend's, for this socket. */
  highWater?: number;
}

export type Done = (result: number) => void;

export interface Backend {
  readonly name: BackendName;
  /** Why it is this one. */
  readonly why: string;
  accept(listener: OwnedFd, events: AcceptEvents): Acceptor;
  /** `socket` is from `openSocket`. 0, or `-errno`. */
  connect(socket: OwnedFd, address: SocketAddress, done: Done): Pending;
  /** Takes a connected socket over. */
  stream(socket: OwnedFd, events: StreamEvents, options?: StreamOptions): Stream;
  datagrams(socket: OwnedFd, events: DatagramEvents, options?: DatagramOptions): Datagrams;
  /** For a socket that nobody else has: `ready` gets EPOLL* bits of what `wait` has asked for. */
  poll(socket: OwnedFd, ready: (events: number) => void): Poll;
  /**
   * Tells once, when any descriptor can be read from or written to, or has ended: 0, or `-errno`.
   * Files, which cannot be waited for, always can.
   */
  ready(fd: FdLike, direction: 'in' | 'out', done: Done): Pending;
  /** splice(2) by somebody who may wait for a disk: bytes, or `-errno`. */
  splice(source: FdLike, target: FdLike, length: number, plan: SplicePlan, done: Done): Pending;
  /** A count of bytes, 0 at the end of the file, or `-errno`. */
  read(file: FdLike, target: Uint8Array, offset: number, done: Done): Pending;
  write(file: FdLike, source: Uint8Array, offset: number, done: Done): Pending;
  /** 0 when time is over, or -ECANCELED. */
  timer(ms: number, done: Done): Pending;
  /** Streams, acceptors and timers that are open. */
  readonly active: number;
  /** What is open keeps the process alive, as it does at first; or it does not. */
  ref(): void;
  unref(): void;
  /** Sends now what was to be sent at the end of this turn. */
  flush(): void;
  /** Ends everything that is open, and resolves when nothing of it is left. */
  close(): Promise<void>;
}

export interface BackendOptions {
  /** Default: io_uring where it works. */
  backend?: BackendName;
  /**
   * The nextTick queue and microtasks run once after all callbacks of a wake-up, instead of after
   * each one as Node does. Default false.
   */
  batched?: boolean;
  /** Bytes waiting in a stream from which on `send` answers false. Default 65,536. */
  highWater?: number;
}

/** Options after checking. */
export interface BackendPlan {
  readonly batched: boolean;
  readonly highWater: number;
  readonly why: string;
}
