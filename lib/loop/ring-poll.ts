/** Readiness of a socket over io_uring: a poll for each side that is waited for. */
import { ECANCELED, EPOLLERR, EPOLLOUT } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Sink } from '../ring/slots.js';
import type { Poll } from './backend.js';
import type { RingBackend } from './ring-backend.js';

/** Tags of the two: for what can be received, or sent. */
const IN = 0;
const OUT = 1;

export class RingPoll implements Poll, Sink {
  place = -1;
  readonly batched: boolean;
  readonly #backend: RingBackend;
  readonly #socket: OwnedFd;
  readonly #ready: (events: number) => void;
  /** By tag: the slot of a poll in flight, or -1. */
  #in = -1;
  #out = -1;
  #closed = false;

  constructor(backend: RingBackend, socket: OwnedFd, ready: (events: number) => void) {
    this.#backend = backend;
    this.#socket = socket;
    this.batched = backend.plan.batched;
    this.#ready = ready;
    backend.enter(this);
  }

  wait(events: number): void {
    if (this.#closed) return;
    if ((events & ~EPOLLOUT) !== 0 && this.#in < 0) this.#in = this.#begin(IN);
    if ((events & EPOLLOUT) !== 0 && this.#out < 0) this.#out = this.#begin(OUT);
  }

  #begin(tag: number): number {
    return this.#backend.begin(this.#backend.pollOn(this.#socket, tag === OUT), this, tag);
  }

  complete(tag: number, result: number): void {
    if (tag === IN) this.#in = -1;
    else this.#out = -1;
    if (this.#closed) this.#leave();
    else if (this.#socket.closed) return;
    else if (result >= 0) this.#ready(result);
    else if (result !== -ECANCELED) this.#ready(EPOLLERR);
  }

  cancel(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const slot of [this.#in, this.#out]) {
      if (slot >= 0) this.#backend.cancel(slot, this.#backend.generationOf(slot));
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#in < 0 && this.#out < 0) this.#backend.leave(this);
  }

  /** With its socket, whose user is told. */
  close(): void {
    this.#socket.close();
    this.cancel();
  }
}
