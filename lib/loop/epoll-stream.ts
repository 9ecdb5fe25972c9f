/** A connection over epoll: a receive when there is something, a send for all that waits. */
import { EAGAIN, EINTR, ENOTCONN, EPOLLIN, EPOLLOUT, SHUT_WR } from '../abi.js';
import type { FdUser, OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import type { Stream, StreamEvents, StreamOptions } from './backend.js';
import type { EpollBackend, Watched } from './epoll-backend.js';
import {
  BLOCKED,
  CLOSING,
  CORKED,
  DIRTY,
  END_WANTED,
  PAUSED,
  QueuedStream,
  RECEIVED_ALL,
  SENDING,
  TOLD_CLOSED,
} from './queued-stream.js';

/** From this size on bytes are sent at once, instead of being copied to be sent together. */
const LARGE = 4096;

/** Its place is its tag in the epoll, too. */
export class EpollStream extends QueuedStream<EpollBackend> implements Stream, Watched, FdUser {
  /** What epoll was told to wait for; 0 is not registered. */
  private interest = 0;

  constructor(
    backend: EpollBackend,
    socket: OwnedFd,
    events: StreamEvents,
    options: StreamOptions,
  ) {
    super(backend, socket, events, options);
    backend.enter(this, () => this.updateInterest());
    socket.addUser(this);
  }

  private updateInterest(): void {
    if (this.is(CLOSING)) return;
    const reading = this.is(PAUSED | RECEIVED_ALL) ? 0 : EPOLLIN;
    const wanted = reading | (this.is(SENDING) ? EPOLLOUT : 0);
    if (wanted === this.interest) return;
    this.backend.changeInterest(this.socket, this.place, this.interest, wanted);
    this.interest = wanted;
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.is(SENDING)) this.sendNow();
    // An error or a hang-up is told by the call that meets it.
    if (this.is(CLOSING) || (events & ~EPOLLOUT) === 0) return;
    if (this.is(PAUSED | RECEIVED_ALL)) this.updateInterest();
    else this.receive();
  }

  // --- sending -----------------------------------------------------------------------------------

  send(bytes: Uint8Array, offset = 0, length = bytes.length - offset): boolean {
    if (this.is(CLOSING | END_WANTED)) throw new TypeError('the stream has been ended');
    let sent = 0;
    if (length >= LARGE && this.idle && !this.is(SENDING | CORKED)) {
      const result = this.backend.transfers.sendBytes(this.socket.fd, bytes, offset, length);
      // What went wrong is told by the send at the end of this turn.
      sent = Math.max(result, 0);
      if (sent === length) return true;
    }
    const { tail } = this;
    tail.append(bytes, offset + sent, length - sent);
    if (!this.is(DIRTY | SENDING)) this.sendSoon();
    if (tail.pending < this.highWater) return true;
    this.set(BLOCKED);
    return false;
  }

  sendNow(): void {
    this.unset(DIRTY);
    // What the kernel had no room for was sent before: it goes on.
    if (this.is(CLOSING) || (this.is(CORKED) && !this.is(SENDING))) return;
    this.unset(SENDING);
    for (;;) {
      this.sendBlocks();
      if (this.is(CLOSING | SENDING) || this.files === undefined || this.files.empty) break;
      const step = this.files.step();
      if (step === 'waiting') break;
      if (step === 'full') this.set(SENDING);
      else this.fileEnded();
    }
    if (this.is(CLOSING)) return;
    this.updateInterest();
    if (this.idle) this.sentAll();
  }

  private sendBlocks(): void {
    const { outgoing } = this;
    for (let block = outgoing?.first; block !== undefined && !this.is(CLOSING); ) {
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
      if (result > 0) outgoing?.consume(result);
      if (result < wanted) {
        this.set(SENDING);
        break;
      }
      block = outgoing?.first;
    }
  }

  private sentAll(): void {
    this.giveQueue();
    this.detachIfIdle();
    if (this.is(CLOSING)) return;
    if (this.is(END_WANTED)) this.shutDown();
    if (!this.is(BLOCKED) || this.is(CLOSING)) return;
    this.unset(BLOCKED);
    this.events.drained();
  }

  protected shutDown(): void {
    const result = native.shutdown(this.socket.fd, SHUT_WR);
    // Told in a later turn, as whatever the kernel answers to a ring.
    process.nextTick(() => {
      // Not connected any more: a reset was faster, and is told to who receives.
      if (result < 0 && result !== -ENOTCONN) this.fail(result);
      else if (!this.is(CLOSING)) this.events.finished?.();
    });
  }

  // --- receiving ---------------------------------------------------------------------------------

  private receive(): void {
    const { transfers } = this.backend;
    const result = transfers.receive(this.socket.fd);
    if (result > 0) this.events.received(transfers.bytes, result);
    else if (result === 0) {
      this.set(RECEIVED_ALL);
      this.updateInterest();
      this.events.ended();
    } else if (result !== -EAGAIN && result !== -EINTR) this.fail(result);
  }

  /** What is ready when it is noticed takes it off the epoll; most pauses are over by then. */
  pause(): void {
    this.set(PAUSED);
  }

  resume(): void {
    if (!this.is(PAUSED)) return;
    this.unset(PAUSED);
    this.updateInterest();
  }

  // --- the end -----------------------------------------------------------------------------------

  protected fail(result: number): void {
    if (this.is(CLOSING)) return;
    this.failure = result;
    try {
      this.events.failed(result);
    } finally {
      this.close();
    }
  }

  /** The socket is being closed, by somebody else perhaps, or given away. */
  letGo(): void {
    if (this.is(CLOSING)) return;
    this.set(CLOSING);
    this.outgoing?.clear();
    process.nextTick(() => this.settle());
  }

  detach(done: (held: Uint8Array[] | undefined) => void): void {
    if (this.is(CLOSING) || this.onDetached !== undefined) {
      process.nextTick(done, undefined);
      return;
    }
    this.onDetached = done;
    this.set(PAUSED);
    this.updateInterest();
    if (this.pending === 0) process.nextTick(() => this.detachIfIdle());
  }

  private detachIfIdle(): void {
    const done = this.onDetached;
    if (done === undefined || this.is(CLOSING) || this.pending > 0) return;
    this.onDetached = undefined;
    if (this.interest !== 0) this.backend.epoll.delete(this.socket);
    this.interest = 0;
    this.set(CLOSING | TOLD_CLOSED);
    this.backend.leave(this);
    done([]);
  }

  private settle(): void {
    if (this.is(TOLD_CLOSED)) return;
    this.set(TOLD_CLOSED);
    this.onDetached?.(undefined);
    this.files?.clear(this.failure);
    this.backend.leave(this);
    this.events.closed();
  }
}
