/** A connection over epoll: a receive when there is something, a send for all that waits. */
import {
  EAGAIN,
  EINTR,
  ENOTCONN,
  EPOLLIN,
  EPOLLOUT,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SHUT_WR,
} from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import type { Stream, StreamEvents, StreamOptions } from './backend.js';
import type { Sender } from './dirty.js';
import type { EpollBackend, Watched } from './epoll-backend.js';
import { Outgoing } from './outgoing.js';
import { resetOnClose } from './reset.js';

const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;
/** From this size on bytes are sent at once, instead of being copied to be sent together. */
const LARGE = 4096;

export class EpollStream implements Stream, Sender, Watched {
  readonly socket: OwnedFd;
  readonly #backend: EpollBackend;
  readonly #events: StreamEvents;
  readonly #outgoing: Outgoing;
  readonly #highWater: number;
  readonly #tag: number;
  /** What epoll was told to wait for; 0 is not registered. */
  #interest = 0;
  #dirty = false;
  /** The kernel took less than all. */
  #full = false;
  #corked = false;
  #paused: boolean;
  #receivedAll = false;
  #endWanted = false;
  #blocked = false;
  #closing = false;
  #toldClosed = false;

  constructor(
    backend: EpollBackend,
    socket: OwnedFd,
    events: StreamEvents,
    options: StreamOptions,
  ) {
    this.#backend = backend;
    this.socket = socket;
    this.#events = events;
    this.#outgoing = new Outgoing(backend.pool);
    this.#highWater = options.highWater ?? backend.plan.highWater;
    this.#paused = options.paused ?? false;
    this.#tag = backend.watch(this);
    this.#updateInterest();
  }

  get pending(): number {
    return this.#outgoing.pending;
  }

  #updateInterest(): void {
    if (this.#closing) return;
    const reading = this.#paused || this.#receivedAll ? 0 : EPOLLIN;
    const wanted = reading | (this.#full ? EPOLLOUT : 0);
    if (wanted === this.#interest) return;
    const { epoll } = this.#backend;
    // Without anything to wait for it would still be told of errors, for as long as they last.
    if (wanted === 0) epoll.delete(this.socket);
    else if (this.#interest === 0) epoll.add(this.socket, wanted, { tag: this.#tag });
    else epoll.modify(this.socket, wanted);
    this.#interest = wanted;
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.#full) this.sendNow();
    // An error or a hang-up is told by the call that meets it.
    if (this.#closing || (events & ~EPOLLOUT) === 0) return;
    if (this.#paused || this.#receivedAll) this.#updateInterest();
    else this.#receive();
  }

  // --- sending -----------------------------------------------------------------------------------

  send(bytes: Uint8Array, offset = 0, length = bytes.length - offset): boolean {
    if (this.#closing || this.#endWanted) throw new TypeError('the stream has been ended');
    let sent = 0;
    if (length >= LARGE && this.#outgoing.pending === 0 && !this.#full && !this.#corked) {
      const result = native.send(this.socket.fd, bytes, offset, length, SEND_FLAGS);
      // What went wrong is told by the send at the end of this turn.
      sent = Math.max(result, 0);
      if (sent === length) return true;
    }
    this.#outgoing.append(bytes, offset + sent, length - sent);
    if (!this.#dirty && !this.#full) this.#sendSoon();
    if (this.#outgoing.pending < this.#highWater) return true;
    this.#blocked = true;
    return false;
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
    if (!this.#dirty && !this.#full && !this.#closing) this.#sendSoon();
  }

  sendNow(): void {
    this.#dirty = false;
    // What the kernel had no room for was sent before: it goes on.
    if (this.#corked && !this.#full) return;
    const outgoing = this.#outgoing;
    this.#full = false;
    for (let block = outgoing.first; block !== undefined && !this.#closing; ) {
      const { fd } = this.socket;
      const wanted = block.end - block.start;
      const result = native.send(fd, block.bytes, block.start, wanted, SEND_FLAGS);
      if (result === -EINTR) continue;
      if (result < 0 && result !== -EAGAIN) {
        this.#fail(result);
        return;
      }
      if (result > 0) outgoing.consume(result);
      this.#full = result < wanted;
      if (this.#full) break;
      block = outgoing.first;
    }
    if (this.#closing) return;
    this.#updateInterest();
    if (outgoing.pending === 0) this.#sentAll();
  }

  #sentAll(): void {
    if (this.#endWanted) this.#shutDown();
    if (!this.#blocked || this.#closing) return;
    this.#blocked = false;
    this.#events.drained();
  }

  end(): void {
    if (this.#endWanted || this.#closing) return;
    this.#endWanted = true;
    this.uncork();
    if (this.#outgoing.pending === 0) this.#shutDown();
  }

  #shutDown(): void {
    const result = native.shutdown(this.socket.fd, SHUT_WR);
    // Told in a later turn, as whatever the kernel answers to a ring.
    process.nextTick(() => {
      // Not connected any more: a reset was faster, and is told to who receives.
      if (result < 0 && result !== -ENOTCONN) this.#fail(result);
      else if (!this.#closing) this.#events.finished?.();
    });
  }

  // --- receiving ---------------------------------------------------------------------------------

  #receive(): void {
    const { bytes } = this.#backend;
    const result = native.recv(this.socket.fd, bytes, MSG_DONTWAIT);
    if (result > 0) this.#events.received(bytes, result);
    else if (result === 0) {
      this.#receivedAll = true;
      this.#updateInterest();
      this.#events.ended();
    } else if (result !== -EAGAIN && result !== -EINTR) this.#fail(result);
  }

  /** What is ready when it is noticed takes it off the epoll; most pauses are over by then. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#updateInterest();
  }

  // --- the end -----------------------------------------------------------------------------------

  #fail(result: number): void {
    if (this.#closing) return;
    try {
      this.#events.failed(result);
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#outgoing.clear();
    this.#backend.unwatch(this.#tag);
    this.socket.close();
    process.nextTick(() => this.#settle());
  }

  reset(): void {
    if (this.#closing) return;
    resetOnClose(this.socket);
    this.close();
  }

  #settle(): void {
    if (this.#toldClosed) return;
    this.#toldClosed = true;
    this.#backend.forget(this);
    this.#events.closed();
  }
}
