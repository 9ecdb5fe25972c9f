/** A connection over io_uring: one multishot receive, and one send at a time for all that waits. */
import { ECANCELED, EINVAL, ENOBUFS, ENOTCONN } from '../abi.js';
import type { FdUser, OwnedFd } from '../fd/fd.js';
import { bufferId, hasMore } from '../ring/cqe.js';
import { pollAdd } from '../ring/ops/poll-add.js';
import { shutdown } from '../ring/ops/shutdown.js';
import type { Sink } from '../ring/slots.js';
import { FileSend } from '../splice/file-send.js';
import type { FileDone, Pending, Stream, StreamEvents, StreamOptions } from './backend.js';
import type { Sender } from './dirty.js';
import { type FileHost, FileQueue } from './file-queue.js';
import { Flags } from './flags.js';
import type { Outgoing } from './outgoing.js';
import { resetOnClose } from './reset.js';
import type { RingBackend } from './ring-backend.js';

const RECEIVE = 0;
const SEND = 1;
const SHUTDOWN = 2;
const WRITABLE = 3;

const MULTISHOT = 1;
const SENDING = 2;
/** A file goes on when the socket has room. */
const WAITING = 4;
const SHUTTING_DOWN = 8;
const DIRTY = 16;
const CORKED = 32;
const PAUSED = 64;
const STARVED = 128;
/** The peer has ended its side, or no more is to be received. */
const RECEIVED_ALL = 256;
const TOLD_END = 512;
const END_WANTED = 1024;
const SHUT_DOWN_BEGUN = 2048;
const BLOCKED = 4096;
const CLOSING = 8192;
const TOLD_CLOSED = 16_384;

export class RingStream extends Flags implements Stream, Sink, Sender, FdUser, FileHost {
  readonly socket: OwnedFd;
  place = -1;
  private readonly backend: RingBackend;
  private readonly events: StreamEvents;
  /** Made for the first file: most streams never send one. */
  private files: FileQueue | undefined = undefined;
  /** What is sent next, while there is something. */
  private outgoing: Outgoing | undefined = undefined;
  private readonly highWater: number;
  /** Slot and generation of the receive in force, to cancel it. */
  private slot = -1;
  private generation = 0;
  /** Buffers given to the kernel until then. */
  private seen = 0;
  private onDetached: ((held: Uint8Array[] | undefined) => void) | undefined = undefined;
  private failure = 0;
  /**
   * What came while paused, copied: who does not read must not keep buffers from those who do.
   */
  private held: Uint8Array[] | undefined = undefined;

  constructor(backend: RingBackend, socket: OwnedFd, events: StreamEvents, options: StreamOptions) {
    super();
    this.backend = backend;
    this.socket = socket;
    this.events = events;
    this.highWater = options.highWater ?? backend.plan.highWater;
    backend.enter(this);
    socket.addUser(this);
    if (options.paused === true) this.set(PAUSED);
    else this.arm();
  }

  /** Whether the socket's end would be news. */
  get open(): boolean {
    return !this.is(CLOSING);
  }

  get batched(): boolean {
    return this.backend.plan.batched;
  }

  get pending(): number {
    return (this.outgoing?.pending ?? 0) + (this.files?.pending ?? 0);
  }

  /** Nothing waits to be sent. */
  private get idle(): boolean {
    return (this.outgoing?.pending ?? 0) === 0 && (this.files?.empty ?? true);
  }

  /** Where bytes are appended. */
  private get tail(): Outgoing {
    this.outgoing ??= this.backend.pool.takeQueue();
    return this.files?.tail ?? this.outgoing;
  }

  // --- sending -----------------------------------------------------------------------------------

  send(bytes: Uint8Array, offset = 0, length = bytes.length - offset): boolean {
    if (this.is(CLOSING | END_WANTED)) throw new TypeError('the stream has been ended');
    const { tail } = this;
    tail.append(bytes, offset, length);
    if (!this.is(SENDING | DIRTY)) this.sendSoon();
    if (tail.pending < this.highWater) return true;
    this.set(BLOCKED);
    return false;
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
    if (!this.is(SENDING | DIRTY)) this.sendSoon();
    return queued;
  }

  private sendSoon(): void {
    this.set(DIRTY);
    this.backend.sendSoon(this);
  }

  cork(): void {
    this.set(CORKED);
  }

  uncork(): void {
    if (!this.is(CORKED)) return;
    this.unset(CORKED);
    if (!this.is(SENDING | DIRTY | CLOSING)) this.sendSoon();
  }

  sendNow(): void {
    this.unset(DIRTY);
    while (!this.is(SENDING | WAITING | CLOSING | CORKED)) {
      const block = this.outgoing?.first;
      if (block !== undefined) {
        const more = block.next === undefined && this.files?.follows === true;
        const send = this.backend.sendOn(this.socket, more);
        send.point(block.mapping, block.base + block.start, block.end - block.start);
        if (this.backend.begin(send, this, SEND) >= 0) this.set(SENDING);
        return;
      }
      if (this.files === undefined || this.files.empty) {
        this.sentAll();
        return;
      }
      const step = this.files.step();
      if (step === 'ended') {
        this.fileEnded();
        continue;
      }
      if (step === 'waiting') return;
      const slot = this.backend.begin(pollAdd(this.socket, ['out']), this, WRITABLE);
      if (slot >= 0) this.set(WAITING);
      return;
    }
  }

  private sent(result: number): void {
    this.unset(SENDING);
    if (this.is(CLOSING)) return;
    if (result < 0) {
      this.fail(result);
      return;
    }
    this.outgoing?.consume(result);
    this.sendNow();
  }

  /** What was behind the file goes next. */
  fileEnded(): void {
    if (this.is(CLOSING) || this.files === undefined) return;
    // Cancelled: what is before it goes first.
    if (this.outgoing?.first !== undefined) return;
    const { send: file, after, done } = this.files.next();
    this.giveQueue();
    this.outgoing = after;
    try {
      done(file.result, file.sent);
    } finally {
      if (file.socketFailed) this.fail(file.result);
    }
  }

  private giveQueue(): void {
    const { outgoing } = this;
    if (outgoing === undefined) return;
    this.outgoing = undefined;
    this.backend.pool.giveQueue(outgoing);
  }

  private sentAll(): void {
    this.giveQueue();
    this.detachIfIdle();
    if (this.is(CLOSING)) return;
    if (this.is(END_WANTED) && !this.is(SHUT_DOWN_BEGUN)) this.shutDown();
    if (!this.is(BLOCKED)) return;
    this.unset(BLOCKED);
    this.events.drained();
  }

  end(): void {
    if (this.is(END_WANTED | CLOSING)) return;
    this.set(END_WANTED);
    this.uncork();
    if (this.idle) this.shutDown();
  }

  private shutDown(): void {
    this.set(SHUT_DOWN_BEGUN);
    const slot = this.backend.begin(shutdown(this.socket, 'write'), this, SHUTDOWN);
    if (slot >= 0) this.set(SHUTTING_DOWN);
  }

  private get holds(): boolean {
    return this.held !== undefined;
  }

  // --- receiving ---------------------------------------------------------------------------------

  pause(): void {
    this.set(PAUSED);
  }

  resume(): void {
    if (!this.is(PAUSED) || this.is(CLOSING)) return;
    this.unset(PAUSED);
    if (this.holds || this.is(RECEIVED_ALL)) process.nextTick(() => this.giveHeld());
    else this.arm();
  }

  private arm(): void {
    if (this.slot >= 0 || this.is(CLOSING | RECEIVED_ALL | STARVED) || this.holds) return;
    this.seen = this.backend.buffers.puts;
    const receive = this.backend.receiveOn(this.socket);
    if (receive.lower !== undefined) this.set(MULTISHOT);
    else this.unset(MULTISHOT);
    this.slot = this.backend.begin(receive, this, RECEIVE);
    if (this.slot >= 0) this.generation = this.backend.generationOf(this.slot);
  }

  private received(result: number, flags: number): void {
    if (!hasMore(flags)) this.slot = -1;
    const id = bufferId(flags);
    if (id >= 0) this.backend.buffers.taken(id);
    try {
      if (result > 0) this.take(id, result);
      else {
        if (id >= 0) this.backend.buffers.recycle(id);
        if (!this.is(CLOSING)) this.receivedNone(result);
      }
    } finally {
      if (this.slot < 0 && !this.is(PAUSED)) this.arm();
    }
  }

  private take(id: number, length: number): void {
    const { buffers } = this.backend;
    if (this.is(CLOSING)) {
      buffers.recycle(id);
    } else if (this.is(PAUSED) || this.holds) {
      this.held ??= [];
      this.held.push(buffers.bytes(id).slice(0, length));
      buffers.recycle(id);
      // The consumer means it: no more for now.
      if (this.slot >= 0) this.cancelReceive();
    } else {
      try {
        this.events.received(buffers.bytes(id), length);
      } finally {
        buffers.recycle(id);
      }
    }
  }

  private receivedNone(result: number): void {
    const { buffers } = this.backend;
    if (result === 0) {
      this.set(RECEIVED_ALL);
      if (!this.is(PAUSED) && !this.holds) this.tellEnd();
    } else if (result === -ENOBUFS) {
      this.set(STARVED);
      buffers.ranOut(this.seen, () => {
        this.unset(STARVED);
        if (!this.is(PAUSED)) this.arm();
      });
    } else if (result === -EINVAL && this.is(MULTISHOT)) this.backend.lowerReceive();
    else if (result !== -ECANCELED) this.fail(result);
  }

  private cancelReceive(): void {
    this.backend.cancel(this.slot, this.generation);
  }

  /** After `resume`: what came meanwhile, until it is paused again. */
  private giveHeld(): void {
    while (this.held !== undefined && !this.is(PAUSED | CLOSING)) {
      const bytes = this.held.shift() as Uint8Array;
      if (this.held.length === 0) this.held = undefined;
      this.events.received(bytes, bytes.length);
    }
    if (this.is(PAUSED | CLOSING)) return;
    if (this.is(RECEIVED_ALL)) this.tellEnd();
    else this.arm();
  }

  private tellEnd(): void {
    if (this.is(TOLD_END)) return;
    this.set(TOLD_END);
    this.events.ended();
  }

  // --- the end -----------------------------------------------------------------------------------

  complete(tag: number, result: number, flags: number): void {
    try {
      if (tag === RECEIVE) this.received(result, flags);
      else if (tag === SEND) this.sent(result);
      else if (tag === WRITABLE) {
        this.unset(WAITING);
        this.sendNow();
      } else {
        this.unset(SHUTTING_DOWN);
        if (this.is(CLOSING)) return;
        // Not connected any more: a reset was faster, and is told to who receives.
        if (result < 0 && result !== -ENOTCONN) this.fail(result);
        else this.events.finished?.();
      }
    } finally {
      if (this.is(CLOSING)) this.settle();
      else if (this.onDetached !== undefined) this.detachIfIdle();
    }
  }

  private fail(result: number): void {
    this.failure = result;
    try {
      this.events.failed(result);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.is(CLOSING)) return;
    this.letGo();
    this.socket.close();
  }

  /** The socket is being closed, by somebody else perhaps, or given away. */
  letGo(): void {
    if (this.is(CLOSING)) return;
    this.set(CLOSING);
    this.held = undefined;
    // Told in a later turn in any case: whoever closes is not called back at once.
    process.nextTick(() => this.settle());
  }

  reset(): void {
    if (this.is(CLOSING)) return;
    resetOnClose(this.socket);
    this.close();
  }

  detach(done: (held: Uint8Array[] | undefined) => void): void {
    if (this.is(CLOSING) || this.onDetached !== undefined) {
      process.nextTick(done, undefined);
      return;
    }
    this.onDetached = done;
    this.set(PAUSED);
    if (this.slot >= 0) this.cancelReceive();
    else process.nextTick(() => this.detachIfIdle());
  }

  private get inFlight(): boolean {
    return this.slot >= 0 || this.is(SENDING | WAITING | SHUTTING_DOWN);
  }

  private detachIfIdle(): void {
    const done = this.onDetached;
    if (done === undefined || this.is(CLOSING) || this.inFlight || this.pending > 0) return;
    this.onDetached = undefined;
    this.set(CLOSING | TOLD_CLOSED);
    this.backend.leave(this);
    const held = this.held ?? [];
    this.held = undefined;
    done(held);
  }

  /** When the kernel has let go of everything. */
  private settle(): void {
    if (this.is(TOLD_CLOSED) || this.inFlight) return;
    this.set(TOLD_CLOSED);
    this.onDetached?.(undefined);
    this.files?.clear(this.failure);
    this.outgoing?.clear();
    this.backend.leave(this);
    this.events.closed();
  }
}
