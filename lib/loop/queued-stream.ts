/** What the streams of both backends have alike: bytes and files that wait to be sent, in order. */
import type { OwnedFd } from '../fd/fd.js';
import { FileSend, type Fill } from '../splice/file-send.js';
import type { FileDone, Pending, StreamEvents, StreamOptions } from './backend.js';
import type { Sender } from './dirty.js';
import { type FileHost, FileQueue } from './file-queue.js';
import { Flags } from './flags.js';
import type { BlockPool, Outgoing } from './outgoing.js';
import { resetOnClose } from './reset.js';

/** It is sent at the end of this turn. */
export const DIRTY = 1;
/** What is sent now has to go first: of a ring until its completion, else until there is room. */
export const SENDING = 2;
export const CORKED = 4;
export const PAUSED = 8;
/** The peer has ended its side, or no more is to be received. */
export const RECEIVED_ALL = 16;
export const END_WANTED = 32;
export const BLOCKED = 64;
export const CLOSING = 128;
export const TOLD_CLOSED = 256;
/** The first that is a backend's own. */
export const OWN = 512;

/** What it needs of its backend. */
interface Host {
  readonly plan: { readonly highWater: number };
  readonly pool: BlockPool;
  readonly fill: Fill;
  sendSoon(stream: Sender): void;
}

export abstract class QueuedStream<Kind extends Host> extends Flags implements Sender, FileHost {
  readonly socket: OwnedFd;
  /** Among the members of its backend. */
  place = -1;
  protected readonly backend: Kind;
  protected readonly events: StreamEvents;
  /** Made for the first file: most streams never send one. */
  protected files: FileQueue | undefined = undefined;
  /** What is sent next, while there is something. */
  protected outgoing: Outgoing | undefined = undefined;
  protected readonly highWater: number;
  protected onDetached: ((held: Uint8Array[] | undefined) => void) | undefined = undefined;
  protected failure = 0;

  constructor(backend: Kind, socket: OwnedFd, events: StreamEvents, options: StreamOptions) {
    super();
    this.backend = backend;
    this.socket = socket;
    this.events = events;
    this.highWater = options.highWater ?? backend.plan.highWater;
    if (options.paused === true) this.set(PAUSED);
  }

  abstract sendNow(): void;
  /** The socket is being closed, by somebody else perhaps, or given away. */
  abstract letGo(): void;
  protected abstract shutDown(): void;
  protected abstract fail(result: number): void;

  /** Whether the socket's end would be news. */
  get open(): boolean {
    return !this.is(CLOSING);
  }

  get pending(): number {
    return (this.outgoing?.pending ?? 0) + (this.files?.pending ?? 0);
  }

  /** Nothing waits to be sent. */
  protected get idle(): boolean {
    return (this.outgoing?.pending ?? 0) === 0 && (this.files?.empty ?? true);
  }

  /** Where bytes are appended. */
  protected get tail(): Outgoing {
    this.outgoing ??= this.backend.pool.takeQueue();
    return this.files?.tail ?? this.outgoing;
  }

  sendFile(file: OwnedFd, offset: number, length: number, done: FileDone): Pending {
    return this.queue(new FileSend(file, offset, length), done);
  }

  sendPipe(readEnd: OwnedFd, length: number, done: FileDone): Pending {
    return this.queue(FileSend.ofPipe(readEnd, length), done);
  }

  private queue(send: FileSend, done: FileDone): Pending {
    if (this.is(CLOSING | END_WANTED)) throw new TypeError('the stream has been ended');
    this.files ??= new FileQueue(this, this.backend.fill);
    const queued = this.files.add(send, this.backend.pool, done);
    if (!this.is(DIRTY | SENDING)) this.sendSoon();
    return queued;
  }

  protected sendSoon(): void {
    this.set(DIRTY);
    this.backend.sendSoon(this);
  }

  cork(): void {
    this.set(CORKED);
  }

  uncork(): void {
    if (!this.is(CORKED)) return;
    this.unset(CORKED);
    if (!this.is(DIRTY | SENDING | CLOSING)) this.sendSoon();
  }

  /** What was behind the file goes next. */
  fileEnded(): void {
    if (this.is(CLOSING) || this.files === undefined) return;
    // Cancelled: what is before it goes first.
    if (this.outgoing?.first !== undefined) return;
    const { send, after, done } = this.files.next();
    this.giveQueue();
    this.outgoing = after;
    try {
      done(send.result, send.sent);
    } finally {
      if (send.socketFailed) this.fail(send.result);
    }
  }

  protected giveQueue(): void {
    const { outgoing } = this;
    if (outgoing === undefined) return;
    this.outgoing = undefined;
    this.backend.pool.giveQueue(outgoing);
  }

  end(): void {
    if (this.is(END_WANTED | CLOSING)) return;
    this.set(END_WANTED);
    this.uncork();
    if (this.idle) this.shutDown();
  }

  close(): void {
    if (this.is(CLOSING)) return;
    this.letGo();
    this.socket.close();
  }

  reset(): void {
    if (this.is(CLOSING)) return;
    resetOnClose(this.socket);
    this.close();
  }
}
