/** Readiness of a socket over io_uring: a poll for each side that is waited for. */
import { ECANCELED, EPOLLERR, EPOLLOUT } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Sink } from '../ring/slots.js';
import type { Poll } from './backend.js';
import type { RingBackend } from './ring-backend.js';

/** Tags of the two: for what can be received, or sent. */
const IN = 0;
const OUT = 1;

type Tag = typeof IN | typeof OUT;

export class RingPoll implements Poll, Sink {
  place = -1;
  readonly batched: boolean;
  readonly #backend: RingBackend;
  readonly #socket: OwnedFd;
  readonly #ready: (events: number) => void;
  /** By tag: the slot of a poll in flight, or -1, and its generation there. */
  readonly #slots: [number, number] = [-1, -1];
  readonly #generations: [number, number] = [0, 0];
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
    if ((events & ~EPOLLOUT) !== 0) this.#begin(IN);
    if ((events & EPOLLOUT) !== 0) this.#begin(OUT);
  }

  #begin(tag: Tag): void {
    if (this.#slots[tag] >= 0) return;
    const backend = this.#backend;
    const slot = backend.begin(backend.pollOn(this.#socket, tag === OUT), this, tag);
    this.#slots[tag] = slot;
    // Now: when it is to be cancelled, its completion may have come, and the slot be another's.
    if (slot >= 0) this.#generations[tag] = backend.generationOf(slot);
  }

  complete(tag: number, result: number): void {
    this.#slots[tag as Tag] = -1;
    if (this.#closed) this.#leave();
    else if (this.#socket.closed) return;
    else if (result >= 0) this.#ready(result);
    else if (result !== -ECANCELED) this.#ready(EPOLLERR);
  }

  cancel(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const tag of [IN, OUT] as const) {
      const slot = this.#slots[tag];
      if (slot >= 0) this.#backend.cancel(slot, this.#generations[tag]);
    }
    this.#leave();
  }

  #leave(): void {
    if (this.#slots[IN] < 0 && this.#slots[OUT] < 0) this.#backend.leave(this);
  }

  /** With its socket, whose user is told. */
  close(): void {
    this.#socket.close();
    this.cancel();
  }
}
