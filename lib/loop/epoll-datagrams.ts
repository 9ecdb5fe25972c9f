/** Datagrams over epoll. */
import { EAGAIN, EPOLLIN, EPOLLOUT } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { DatagramEvents, Datagrams } from './backend.js';
import { DatagramCalls } from './datagrams.js';
import type { EpollBackend, Watched } from './epoll-backend.js';

export class EpollDatagrams implements Datagrams, Watched {
  readonly socket: OwnedFd;
  readonly #backend: EpollBackend;
  readonly #events: DatagramEvents;
  readonly #calls: DatagramCalls;
  readonly #tag: number;
  #waiting = false;

  constructor(backend: EpollBackend, socket: OwnedFd, events: DatagramEvents) {
    this.#backend = backend;
    this.socket = socket;
    this.#events = events;
    this.#calls = new DatagramCalls(socket, events);
    this.#tag = backend.watch(this);
    backend.epoll.add(socket, EPOLLIN, { tag: this.#tag });
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.#waiting) {
      this.#waiting = false;
      this.#backend.epoll.modify(this.socket, EPOLLIN);
      this.#events.drained();
    }
    if ((events & ~EPOLLOUT) !== 0) this.#calls.receive();
  }

  send(bytes: Uint8Array, to?: Uint8Array): number {
    const result = this.#calls.send(bytes, to);
    if (result === -EAGAIN && !this.#waiting) {
      this.#waiting = true;
      this.#backend.epoll.modify(this.socket, EPOLLIN | EPOLLOUT);
    }
    return result;
  }

  close(): void {
    this.#backend.unwatch(this.#tag);
    this.socket.close();
    this.#backend.forget(this);
  }
}
