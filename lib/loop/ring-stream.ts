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
import { Outgoing } from './outgoing.js';
import { resetOnClose } from './reset.js';
import type { RingBackend } from './ring-backend.js';

const RECEIVE = 0;
const SEND = 1;
const SHUTDOWN = 2;
const WRITABLE = 3;

export class RingStream implements Stream, Sink, Sender, FdUser, FileHost {
  readonly socket: OwnedFd;
  readonly batched: boolean;
  readonly #backend: RingBackend;
  readonly #events: StreamEvents;
  /** Made for the first file: most streams never send one. */
  #files: FileQueue | undefined = undefined;
  /** What is sent next, and where bytes are appended: apart while files are between them. */
  #outgoing: Outgoing;
  #tail: Outgoing;
  readonly #highWater: number;
  /** Slot and generation of the receive in force, to cancel it. */
  #slot = -1;
  #generation = 0;
  #multishot = false;
  /** Buffers given to the kernel until then. */
  #seen = 0;
  #sending = false;
  /** A file goes on when the socket has room. */
  #waiting = false;
  #shuttingDown = false;
  #dirty = false;
  #corked = false;
  #paused: boolean;
  #starved = false;
  /** The peer has ended its side, or no more is to be received. */
  #receivedAll = false;
  #toldEnd = false;
  #endWanted = false;
  #shutDownBegun = false;
  #blocked = false;
  #onDetached: ((held: Uint8Array[] | undefined) => void) | undefined = undefined;
  #closing = false;
  #toldClosed = false;
  #failure = 0;
  /**
   * What came while paused, copied: who does not read must not keep buffers from those who do.
   */
  #held: Uint8Array[] | undefined = undefined;

  constructor(backend: RingBackend, socket: OwnedFd, events: StreamEvents, options: StreamOptions) {
    this.#backend = backend;
    this.socket = socket;
    this.#events = events;
    this.batched = backend.plan.batched;
    this.#outgoing = new Outgoing(backend.pool);
    this.#tail = this.#outgoing;
    this.#highWater = options.highWater ?? backend.plan.highWater;
    this.#paused = options.paused ?? false;
    socket.addUser(this);
    if (!this.#paused) this.#arm();
  }

  /** Whether the socket's end would be news. */
  get open(): boolean {
    return !this.#closing;
  }

  get pending(): number {
    return this.#outgoing.pending + (this.#files?.pending ?? 0);
  }

  // --- sending -----------------------------------------------------------------------------------

  send(bytes: Uint8Array, offset = 0, length = bytes.length - offset): boolean {
    if (this.#closing || this.#endWanted) throw new TypeError('the stream has been ended');
    this.#tail.append(bytes, offset, length);
    if (!this.#sending && !this.#dirty) this.#sendSoon();
    if (this.#tail.pending < this.#highWater) return true;
    this.#blocked = true;
    return false;
  }

  sendFile(file: OwnedFd, offset: number, length: number, done: FileDone): Pending {
    return this.#queue(new FileSend(file, offset, length), done);
  }

  sendPipe(readEnd: OwnedFd, length: number, done: FileDone): Pending {
    return this.#queue(FileSend.ofPipe(readEnd, length), done);
  }

  #queue(send: FileSend, done: FileDone): Pending {
    if (this.#closing || this.#endWanted) throw new TypeError('the stream has been ended');
    this.#files ??= new FileQueue(this, this.#backend.fill);
    const queued = this.#files.add(send, this.#backend.pool, done);
    this.#tail = queued.after;
    if (!this.#sending && !this.#dirty) this.#sendSoon();
    return queued;
  }

  #sendSoon(): void {
    this.#dirty = true;
    this.#backend.sendSoon(this);
  }

  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    if (!this.#sending && !this.#dirty && !this.#closing) this.#sendSoon();
  }

  sendNow(): void {
    this.#dirty = false;
    while (!this.#sending && !this.#waiting && !this.#closing && !this.#corked) {
      const block = this.#outgoing.first;
      if (block !== undefined) {
        const more = block.next === undefined && this.#files?.follows === true;
        const send = this.#backend.sendOn(this.socket, more);
        send.point(block.mapping, block.base + block.start, block.end - block.start);
        this.#sending = this.#backend.begin(send, this, SEND) >= 0;
        return;
      }
      if (this.#files === undefined || this.#files.empty) {
        this.#sentAll();
        return;
      }
      const step = this.#files.step();
      if (step === 'ended') {
        this.fileEnded();
        continue;
      }
      if (step === 'waiting') return;
      this.#waiting = this.#backend.begin(pollAdd(this.socket, ['out']), this, WRITABLE) >= 0;
      return;
    }
  }

  #sent(result: number): void {
    this.#sending = false;
    if (this.#closing) return;
    if (result < 0) {
      this.#fail(result);
      return;
    }
    this.#outgoing.consume(result);
    this.sendNow();
  }

  /** What was behind the file goes next. */
  fileEnded(): void {
    if (this.#closing || this.#files === undefined) return;
    const { send: file, after, done } = this.#files.next();
    this.#outgoing = after;
    try {
      done(file.result, file.sent);
    } finally {
      if (file.socketFailed) this.#fail(file.result);
    }
  }

  #sentAll(): void {
    this.#detachIfIdle();
    if (this.#closing) return;
    if (this.#endWanted && !this.#shutDownBegun) this.#shutDown();
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#events.drained();
  }

  end(): void {
    if (this.#endWanted || this.#closing) return;
    this.#endWanted = true;
    this.uncork();
    if (this.#outgoing.pending === 0 && (this.#files?.empty ?? true)) this.#shutDown();
  }

  #shutDown(): void {
    this.#shutDownBegun = true;
    this.#shuttingDown = this.#backend.begin(shutdown(this.socket, 'write'), this, SHUTDOWN) >= 0;
  }

  get #holds(): boolean {
    return this.#held !== undefined;
  }

  // --- receiving ---------------------------------------------------------------------------------

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || this.#closing) return;
    this.#paused = false;
    if (this.#holds || this.#receivedAll) process.nextTick(() => this.#giveHeld());
    else this.#arm();
  }

  #arm(): void {
    if (this.#slot >= 0 || this.#closing || this.#receivedAll || this.#starved) return;
    if (this.#holds) return;
    this.#seen = this.#backend.buffers.puts;
    const receive = this.#backend.receiveOn(this.socket);
    this.#multishot = receive.lower !== undefined;
    this.#slot = this.#backend.begin(receive, this, RECEIVE);
    if (this.#slot >= 0) this.#generation = this.#backend.generationOf(this.#slot);
  }

  #received(result: number, flags: number): void {
    if (!hasMore(flags)) this.#slot = -1;
    const id = bufferId(flags);
    if (id >= 0) this.#backend.buffers.taken(id);
    try {
      if (result > 0) this.#take(id, result);
      else {
        if (id >= 0) this.#backend.buffers.recycle(id);
        if (!this.#closing) this.#receivedNone(result);
      }
    } finally {
      if (this.#slot < 0 && !this.#paused) this.#arm();
    }
  }

  #take(id: number, length: number): void {
    const { buffers } = this.#backend;
    if (this.#closing) {
      buffers.recycle(id);
    } else if (this.#paused || this.#holds) {
      this.#held ??= [];
      this.#held.push(buffers.bytes(id).slice(0, length));
      buffers.recycle(id);
      // The consumer means it: no more for now.
      if (this.#slot >= 0) this.#cancelReceive();
    } else {
      try {
        this.#events.received(buffers.bytes(id), length);
      } finally {
        buffers.recycle(id);
      }
    }
  }

  #receivedNone(result: number): void {
    const { buffers } = this.#backend;
    if (result === 0) {
      this.#receivedAll = true;
      if (!this.#paused && !this.#holds) this.#tellEnd();
    } else if (result === -ENOBUFS) {
      this.#starved = true;
      buffers.ranOut(this.#seen, () => {
        this.#starved = false;
        if (!this.#paused) this.#arm();
      });
    } else if (result === -EINVAL && this.#multishot) this.#backend.lowerReceive();
    else if (result !== -ECANCELED) this.#fail(result);
  }

  #cancelReceive(): void {
    this.#backend.cancel(this.#slot, this.#generation);
  }

  /** After `resume`: what came meanwhile, until it is paused again. */
  #giveHeld(): void {
    while (this.#held !== undefined && !this.#paused && !this.#closing) {
      const bytes = this.#held.shift() as Uint8Array;
      if (this.#held.length === 0) this.#held = undefined;
      this.#events.received(bytes, bytes.length);
    }
    if (this.#paused || this.#closing) return;
    if (this.#receivedAll) this.#tellEnd();
    else this.#arm();
  }

  #tellEnd(): void {
    if (this.#toldEnd) return;
    this.#toldEnd = true;
    this.#events.ended();
  }

  // --- the end -----------------------------------------------------------------------------------

  complete(tag: number, result: number, flags: number): void {
    try {
      if (tag === RECEIVE) this.#received(result, flags);
      else if (tag === SEND) this.#sent(result);
      else if (tag === WRITABLE) {
        this.#waiting = false;
        this.sendNow();
      } else {
        this.#shuttingDown = false;
        if (this.#closing) return;
        // Not connected any more: a reset was faster, and is told to who receives.
        if (result < 0 && result !== -ENOTCONN) this.#fail(result);
        else this.#events.finished?.();
      }
    } finally {
      if (this.#closing) this.#settle();
      else if (this.#onDetached !== undefined) this.#detachIfIdle();
    }
  }

  #fail(result: number): void {
    this.#failure = result;
    try {
      this.#events.failed(result);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#closing) return;
    this.letGo();
    this.socket.close();
  }

  /** The socket is being closed, by somebody else perhaps, or given away. */
  letGo(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#held = undefined;
    // Told in a later turn in any case: whoever closes is not called back at once.
    process.nextTick(() => this.#settle());
  }

  reset(): void {
    if (this.#closing) return;
    resetOnClose(this.socket);
    this.close();
  }

  detach(done: (held: Uint8Array[] | undefined) => void): void {
    if (this.#closing || this.#onDetached !== undefined) {
      process.nextTick(done, undefined);
      return;
    }
    this.#onDetached = done;
    this.#paused = true;
    if (this.#slot >= 0) this.#cancelReceive();
    else process.nextTick(() => this.#detachIfIdle());
  }

  get #inFlight(): boolean {
    return this.#slot >= 0 || this.#sending || this.#waiting || this.#shuttingDown;
  }

  #detachIfIdle(): void {
    const done = this.#onDetached;
    if (done === undefined || this.#closing || this.#inFlight || this.pending > 0) return;
    this.#onDetached = undefined;
    this.#closing = true;
    this.#toldClosed = true;
    this.#backend.forget(this);
    const held = this.#held ?? [];
    this.#held = undefined;
    done(held);
  }

  /** When the kernel has let go of everything. */
  #settle(): void {
    if (this.#toldClosed || this.#inFlight) return;
    this.#toldClosed = true;
    this.#onDetached?.(undefined);
    this.#files?.clear(this.#failure);
    this.#outgoing.clear();
    this.#backend.forget(this);
    this.#events.closed();
  }
}
