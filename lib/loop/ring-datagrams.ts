/** Datagrams over io_uring: the ring says when there are some. */
import { EAGAIN, ECANCELED, EINVAL } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { hasMore } from '../ring/cqe.js';
import type { MultishotOperation } from '../ring/operation.js';
import { pollAdd, pollMultishot } from '../ring/ops/poll-add.js';
import type { Sink } from '../ring/slots.js';
import type { DatagramEvents, Datagrams } from './backend.js';
import { DatagramCalls } from './datagrams.js';
import type { RingBackend } from './ring-backend.js';

const READABLE = 0;
const WRITABLE = 1;

export class RingDatagrams implements Datagrams, Sink {
  readonly socket: OwnedFd;
  readonly batched: boolean;
  readonly #backend: RingBackend;
  readonly #events: DatagramEvents;
  readonly #calls: DatagramCalls;
  readonly #poll: MultishotOperation<unknown>;
  #polling = false;
  #waiting = false;

  constructor(backend: RingBackend, socket: OwnedFd, events: DatagramEvents) {
    this.#backend = backend;
    this.socket = socket;
    this.batched = backend.plan.batched;
    this.#events = events;
    this.#calls = new DatagramCalls(socket, events);
    this.#poll = pollMultishot(socket, ['in']);
    this.#arm();
  }

  #arm(): void {
    if (this.#polling || this.socket.closed) return;
    this.#polling = this.#backend.begin(this.#poll, this, READABLE) >= 0;
  }

  complete(tag: number, result: number, flags: number): void {
    if (tag === WRITABLE) {
      this.#waiting = false;
      if (!this.socket.closed) this.#events.drained();
    } else this.#readable(result, flags);
    if (this.socket.closed && !this.#polling && !this.#waiting) this.#backend.forget(this);
  }

  #readable(result: number, flags: number): void {
    if (!hasMore(flags)) this.#polling = false;
    if (this.socket.closed) return;
    if (result === -EINVAL && this.#poll.lower !== undefined) {
      this.#poll.lower();
      this.#poll.lower = undefined;
    }
    try {
      if (result > 0) this.#receive();
    } finally {
      if (result !== -ECANCELED) this.#arm();
    }
  }

  /** The ring tells when more comes, and not that there is more. */
  readonly #receive = (): void => {
    let more = true;
    try {
      more = this.#calls.receive();
    } finally {
      if (more && !this.socket.closed) setImmediate(this.#receive);
    }
  };

  send(bytes: Uint8Array, to?: Uint8Array): number {
    const result = this.#calls.send(bytes, to);
    if (result === -EAGAIN && !this.#waiting) {
      this.#waiting = this.#backend.begin(pollAdd(this.socket, ['out']), this, WRITABLE) >= 0;
    }
    return result;
  }

  close(): void {
    this.socket.close();
    if (!this.#polling && !this.#waiting) this.#backend.forget(this);
  }
}
