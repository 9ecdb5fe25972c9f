/** Accepting over io_uring: one multishot operation for all connections. */
import { ECANCELED, EINVAL, F_GETFL, O_NONBLOCK } from '../abi.js';
import { OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import { hasMore } from '../ring/cqe.js';
import type { MultishotOperation } from '../ring/operation.js';
import { acceptMultishot } from '../ring/ops/accept.js';
import type { Sink } from '../ring/slots.js';
import type { AcceptEvents, Acceptor } from './backend.js';
import { isOfOneConnection, isShortage, RETRY_MS } from './retry.js';
import type { RingBackend } from './ring-backend.js';

export class RingAcceptor implements Acceptor, Sink {
  readonly batched: boolean;
  place = -1;
  readonly #backend: RingBackend;
  readonly #events: AcceptEvents;
  readonly #operation: MultishotOperation<unknown>;
  #slot = -1;
  #generation = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #paused = false;
  /** The end of what is in flight was asked for by `pause`. */
  #stopping = false;
  #closed = false;
  #finished: (() => void) | undefined = undefined;

  constructor(backend: RingBackend, listener: OwnedFd, events: AcceptEvents) {
    this.#backend = backend;
    this.batched = backend.plan.batched;
    this.#events = events;
    this.#operation = acceptMultishot(listener);
    backend.enter(this);
    this.#arm();
  }

  #arm(): void {
    if (this.#closed || this.#finished !== undefined || this.#slot >= 0 || this.#paused) return;
    this.#slot = this.#backend.begin(this.#operation, this, 0);
    if (this.#slot >= 0) this.#generation = this.#backend.generationOf(this.#slot);
  }

  #armAgain(): void {
    this.#arm();
    // The listener was closed meanwhile.
    if (this.#slot < 0 && !this.#paused) this.close();
  }

  complete(_tag: number, result: number, flags: number): void {
    const stopped = this.#stopping && result === -ECANCELED;
    if (!hasMore(flags)) {
      this.#slot = -1;
      this.#stopping = false;
    }
    try {
      if (result >= 0) this.#connection(OwnedFd.adopt(result));
      else if (!stopped) this.#failed(result);
    } finally {
      if (this.#timer === undefined) this.#arm();
      if (this.#slot < 0) this.#end();
    }
  }

  #connection(socket: OwnedFd): void {
    if (this.#closed) socket.close();
    else this.#events.connection(socket);
  }

  #failed(result: number): void {
    if (this.#closed || this.#finished !== undefined || isOfOneConnection(result)) return;
    if (result === -EINVAL && this.#operation.lower !== undefined) {
      // A kernel without the multishot form: one by one.
      this.#operation.lower();
      this.#operation.lower = undefined;
      return;
    }
    if (isShortage(result)) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#armAgain();
      }, RETRY_MS);
    } else this.#closed = true;
    if (result !== -ECANCELED) this.#events.failed(result);
  }

  pause(): void {
    this.#paused = true;
    if (this.#slot < 0 || this.#stopping) return;
    this.#stopping = true;
    this.#backend.cancel(this.#slot, this.#generation);
  }

  resume(): void {
    this.#paused = false;
    if (this.#timer === undefined) this.#armAgain();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
  }

  finish(done: () => void): void {
    this.#finished = done;
    this.#cancel();
  }

  #end(): void {
    if (!this.#closed && this.#finished === undefined) return;
    if (!this.#closed) this.#takeRest();
    this.#closed = true;
    this.#backend.leave(this);
    this.#finished?.();
    this.#finished = undefined;
  }

  /**
   * A connection wakes one of those that wait on a socket. It may have been this one, cancelled
   * before it could take it: others on the socket would not hear of it until the next one comes.
   * Who closes the listener before the end does not want them.
   */
  #takeRest(): void {
    const { fd, operationFlags } = this.#operation;
    if (fd < 0 || this.#operation.descriptor?.fd !== fd) return;
    const status = native.fcntl(fd, F_GETFL, 0);
    if (status < 0 || (status & O_NONBLOCK) === 0) return;
    for (;;) {
      const result = native.accept4(fd, operationFlags);
      if (result >= 0) this.#connection(OwnedFd.adopt(result));
      else if (!isOfOneConnection(result)) return;
    }
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#slot < 0) {
      this.#end();
      return;
    }
    this.#backend.cancel(this.#slot, this.#generation);
  }
}
