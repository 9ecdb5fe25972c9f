/** Readiness of a socket over io_uring: one multishot poll. */
import { ECANCELED, EINVAL, EPOLLERR } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { hasMore } from '../ring/cqe.js';
import type { MultishotOperation } from '../ring/operation.js';
import { pollMultishot } from '../ring/ops/poll-add.js';
import type { Sink } from '../ring/slots.js';
import type { Pending } from './backend.js';
import type { RingBackend } from './ring-backend.js';

export class RingPoll implements Pending, Sink {
  readonly batched: boolean;
  place = -1;
  readonly #backend: RingBackend;
  readonly #socket: OwnedFd;
  readonly #ready: (events: number) => void;
  readonly #poll: MultishotOperation<unknown>;
  #slot = -1;
  #generation = 0;
  #closed = false;

  constructor(backend: RingBackend, socket: OwnedFd, ready: (events: number) => void) {
    this.#backend = backend;
    this.#socket = socket;
    this.batched = backend.plan.batched;
    this.#ready = ready;
    this.#poll = pollMultishot(socket, ['in', 'out', 'rdhup']);
    backend.enter(this);
    this.#arm();
  }

  #arm(): void {
    if (this.#slot >= 0 || this.#closed) return;
    this.#slot = this.#backend.begin(this.#poll, this, 0);
    if (this.#slot >= 0) this.#generation = this.#backend.generationOf(this.#slot);
  }

  complete(_tag: number, result: number, flags: number): void {
    if (!hasMore(flags)) this.#slot = -1;
    const gone = this.#closed || this.#socket.closed;
    try {
      if (gone) return;
      if (result === -EINVAL && this.#poll.lower !== undefined) {
        // A kernel without the multishot form: one by one.
        this.#poll.lower();
        this.#poll.lower = undefined;
      } else if (result >= 0) this.#ready(result);
      else if (result !== -ECANCELED) this.#ready(EPOLLERR);
    } finally {
      if (!gone && result !== -ECANCELED) this.#arm();
      if (this.#slot < 0) this.#backend.leave(this);
    }
  }

  cancel(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#slot < 0) this.#backend.leave(this);
    else this.#backend.cancel(this.#slot, this.#generation);
  }

  close(): void {
    this.cancel();
  }
}
