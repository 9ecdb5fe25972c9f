/** A connection over epoll: a receive when there is something, a send for all that waits. */
import { EAGAIN, EINTR, ENOTCONN, EPOLLIN, EPOLLOUT, SHUT_WR } from '../abi.js';
import type { FdUser, OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import { FileSend } from '../splice/file-send.js';
import type { FileDone, Pending, Stream, StreamEvents, StreamOptions } from './backend.js';
import type { Sender } from './dirty.js';
import type { EpollBackend, Watched } from './epoll-backend.js';
import { type FileHost, FileQueue } from './file-queue.js';
import { Outgoing } from './outgoing.js';
import { resetOnClose } from './reset.js';

/** From this size on bytes are sent at once, instead of being copied to be sent together. */
const LARGE = 4096;

export class EpollStream implements Stream, Sender, Watched, FdUser, FileHost {
  readonly socket: OwnedFd;
  private readonly backend: EpollBackend;
  private readonly events: StreamEvents;
  /** Made for the first file: most streams never send one. */
  private files: FileQueue | undefined = undefined;
  /** What is sent next, and where bytes are appended: apart while files are between them. */
  private outgoing: Outgoing;
  private tail: Outgoing;
  private readonly highWater: number;
  private readonly tag: number;
  /** What epoll was told to wait for; 0 is not registered. */
  private interest = 0;
  private dirty = false;
  /** The kernel took less than all. */
  private full = false;
  private corked = false;
  private paused: boolean;
  private receivedAll = false;
  private endWanted = false;
  private blocked = false;
  private onDetached: ((held: Uint8Array[] | undefined) => void) | undefined = undefined;
  private closing = false;
  private toldClosed = false;
  private failure = 0;

  constructor(
    backend: EpollBackend,
    socket: OwnedFd,
    events: StreamEvents,
    options: StreamOptions,
  ) {
    this.backend = backend;
    this.socket = socket;
    this.events = events;
    this.outgoing = new Outgoing(backend.pool);
    this.tail = this.outgoing;
    this.highWater = options.highWater ?? backend.plan.highWater;
    this.paused = options.paused ?? false;
    this.tag = backend.watch(this);
    socket.addUser(this);
    this.updateInterest();
  }

  /** Whether the socket's end would be news. */
  get open(): boolean {
    return !this.closing;
  }

  get pending(): number {
    return this.outgoing.pending + (this.files?.pending ?? 0);
  }

  /** Nothing waits to be sent. */
  private get idle(): boolean {
    return this.outgoing.pending === 0 && (this.files?.empty ?? true);
  }

  private updateInterest(): void {
    if (this.closing) return;
    const reading = this.paused || this.receivedAll ? 0 : EPOLLIN;
    const wanted = reading | (this.full ? EPOLLOUT : 0);
    if (wanted === this.interest) return;
    this.backend.changeInterest(this.socket, this.tag, this.interest, wanted);
    this.interest = wanted;
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.full) this.sendNow();
    // An error or a hang-up is told by the call that meets it.
    if (this.closing || (events & ~EPOLLOUT) === 0) return;
    if (this.paused || this.receivedAll) this.updateInterest();
    else this.receive();
  }

  // --- sending -----------------------------------------------------------------------------------

  send(bytes: Uint8Array, offset = 0, length = bytes.length - offset): boolean {
    if (this.closing || this.endWanted) throw new TypeError('the stream has been ended');
    let sent = 0;
    if (length >= LARGE && this.idle && !this.full && !this.corked) {
      const result = this.backend.transfers.sendBytes(this.socket.fd, bytes, offset, length);
      // What went wrong is told by the send at the end of this turn.
      sent = Math.max(result, 0);
      if (sent === length) return true;
    }
    this.tail.append(bytes, offset + sent, length - sent);
    if (!this.dirty && !this.full) this.sendSoon();
    if (this.tail.pending < this.highWater) return true;
    this.blocked = true;
    return false;
  }

  sendFile(file: OwnedFd, offset: number, length: number, done: FileDone): Pending {
    return this.queue(new FileSend(file, offset, length), done);
  }

  sendPipe(readEnd: OwnedFd, length: number, done: FileDone): Pending {
    return this.queue(FileSend.ofPipe(readEnd, length), done);
  }

  private queue(send: FileSend, done: FileDone): Pending {
    if (this.closing || this.endWanted) throw new TypeError('the stream has been ended');
    this.files ??= new FileQueue(this, this.backend.fill);
    const queued = this.files.add(send, this.backend.pool, done);
    this.tail = queued.after;
    if (!this.dirty && !this.full) this.sendSoon();
    return queued;
  }

  private sendSoon(): void {
    this.dirty = true;
    this.backend.sendSoon(this);
  }

  cork(): void {
    this.corked = true;
  }

  uncork(): void {
    if (!this.corked) return;
    this.corked = false;
    if (!this.dirty && !this.full && !this.closing) this.sendSoon();
  }

  sendNow(): void {
    this.dirty = false;
    // What the kernel had no room for was sent before: it goes on.
    if (this.closing || (this.corked && !this.full)) return;
    this.full = false;
    for (;;) {
      this.sendBlocks();
      if (this.closing || this.full || this.files === undefined || this.files.empty) break;
      const step = this.files.step();
      if (step === 'waiting') break;
      if (step === 'full') this.full = true;
      else this.fileEnded();
    }
    if (this.closing) return;
    this.updateInterest();
    if (this.idle) this.sentAll();
  }

  private sendBlocks(): void {
    const outgoing = this.outgoing;
    for (let block = outgoing.first; block !== undefined && !this.closing; ) {
      const { fd } = this.socket;
      const wanted = block.end - block.start;
      const from = block.base + block.start;
      const more = block.next === undefined && this.files?.follows === true;
      const result = this.backend.transfers.send(fd, block.mapping, from, wanted, more);
      if (result === -EINTR) continue;
      if (result < 0 && result !== -EAGAIN) {
        this.fail(result);
        return;
      }
      if (result > 0) outgoing.consume(result);
      this.full = result < wanted;
      if (this.full) break;
      block = outgoing.first;
    }
  }

  /** What was behind the file goes next. */
  fileEnded(): void {
    if (this.closing || this.files === undefined) return;
    const { send, after, done } = this.files.next();
    this.outgoing = after;
    try {
      done(send.result, send.sent);
    } finally {
      if (send.socketFailed) this.fail(send.result);
    }
  }

  private sentAll(): void {
    this.detachIfIdle();
    if (this.closing) return;
    if (this.endWanted) this.shutDown();
    if (!this.blocked || this.closing) return;
    this.blocked = false;
    this.events.drained();
  }

  end(): void {
    if (this.endWanted || this.closing) return;
    this.endWanted = true;
    this.uncork();
    if (this.idle) this.shutDown();
  }

  private shutDown(): void {
    const result = native.shutdown(this.socket.fd, SHUT_WR);
    // Told in a later turn, as whatever the kernel answers to a ring.
    process.nextTick(() => {
      // Not connected any more: a reset was faster, and is told to who receives.
      if (result < 0 && result !== -ENOTCONN) this.fail(result);
      else if (!this.closing) this.events.finished?.();
    });
  }

  // --- receiving ---------------------------------------------------------------------------------

  private receive(): void {
    const { transfers } = this.backend;
    const result = transfers.receive(this.socket.fd);
    if (result > 0) this.events.received(transfers.bytes, result);
    else if (result === 0) {
      this.receivedAll = true;
      this.updateInterest();
      this.events.ended();
    } else if (result !== -EAGAIN && result !== -EINTR) this.fail(result);
  }

  /** What is ready when it is noticed takes it off the epoll; most pauses are over by then. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.updateInterest();
  }

  // --- the end -----------------------------------------------------------------------------------

  private fail(result: number): void {
    if (this.closing) return;
    this.failure = result;
    try {
      this.events.failed(result);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.closing) return;
    this.letGo();
    this.socket.close();
  }

  /** The socket is being closed, by somebody else perhaps, or given away. */
  letGo(): void {
    if (this.closing) return;
    this.closing = true;
    this.outgoing.clear();
    this.backend.unwatch(this.tag);
    process.nextTick(() => this.settle());
  }

  reset(): void {
    if (this.closing) return;
    resetOnClose(this.socket);
    this.close();
  }

  detach(done: (held: Uint8Array[] | undefined) => void): void {
    if (this.closing || this.onDetached !== undefined) {
      process.nextTick(done, undefined);
      return;
    }
    this.onDetached = done;
    this.paused = true;
    this.updateInterest();
    if (this.pending === 0) process.nextTick(() => this.detachIfIdle());
  }

  private detachIfIdle(): void {
    const done = this.onDetached;
    if (done === undefined || this.closing || this.pending > 0) return;
    this.onDetached = undefined;
    if (this.interest !== 0) this.backend.epoll.delete(this.socket);
    this.interest = 0;
    this.closing = true;
    this.toldClosed = true;
    this.backend.unwatch(this.tag);
    this.backend.forget(this);
    done([]);
  }

  private settle(): void {
    if (this.toldClosed) return;
    this.toldClosed = true;
    this.onDetached?.(undefined);
    this.files?.clear(this.failure);
    this.backend.forget(this);
    this.events.closed();
  }
}
