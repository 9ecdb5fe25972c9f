/** A connection over io_uring: one multishot receive, and one send at a time for all that waits. */
import { ECANCELED, EINVAL, ENOBUFS, ENOTCONN } from '../abi.js';
import type { FdUser, OwnedFd } from '../fd/fd.js';
import { bufferId, hasMore } from '../ring/cqe.js';
import { pollAdd } from '../ring/ops/poll-add.js';
import { shutdown } from '../ring/ops/shutdown.js';
import type { Sink } from '../ring/slots.js';
import type { Stream, StreamEvents, StreamOptions } from './backend.js';
import {
  BLOCKED,
  CLOSING,
  CORKED,
  DIRTY,
  END_WANTED,
  OWN,
  PAUSED,
  QueuedStream,
  RECEIVED_ALL,
  SENDING,
  TOLD_CLOSED,
} from './queued-stream.js';
import type { RingBackend } from './ring-backend.js';

const RECEIVE = 0;
const SEND = 1;
const SHUTDOWN = 2;
const WRITABLE = 3;

const MULTISHOT = OWN;
/** A file goes on when the socket has room. */
const WAITING = OWN << 1;
const SHUTTING_DOWN = OWN << 2;
const STARVED = OWN << 3;
const TOLD_END = OWN << 4;
const SHUT_DOWN_BEGUN = OWN << 5;

export class RingStream extends QueuedStream<RingBackend> implements Stream, Sink, FdUser {
  /** Slot and generation of the receive in force, to cancel it. */
  private slot = -1;
  private generation = 0;
  /** Buffers given to the kernel until then. */
  private seen = 0;
  /**
   * What came while paused, copied: who does not read must not keep buffers from those who do.
   */
  private held: Uint8Array[] | undefined = undefined;

  constructor(backend: RingBackend, socket: OwnedFd, events: StreamEvents, options: StreamOptions) {
    super(backend, socket, events, options);
    backend.enter(this);
    socket.addUser(this);
    if (!this.is(PAUSED)) this.arm();
  }

  get batched(): boolean {
    return this.backend.plan.batched;
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

  private sentAll(): void {
    this.giveQueue();
    this.detachIfIdle();
    if (this.is(CLOSING)) return;
    if (this.is(END_WANTED) && !this.is(SHUT_DOWN_BEGUN)) this.shutDown();
    if (!this.is(BLOCKED)) return;
    this.unset(BLOCKED);
    this.events.drained();
  }

  protected shutDown(): void {
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

  protected fail(result: number): void {
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
    this.held = undefined;
    // Told in a later turn in any case: whoever closes is not called back at once.
    process.nextTick(() => this.settle());
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
