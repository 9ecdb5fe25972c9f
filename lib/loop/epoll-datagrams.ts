/** Datagrams over epoll. */
import { EAGAIN, EPOLLIN, EPOLLOUT } from '../abi.js';
import type { FdUser, OwnedFd } from '../fd/fd.js';
import type { DatagramEvents, Datagrams } from './backend.js';
import { DatagramCalls } from './datagrams.js';
import type { EpollBackend, Watched } from './epoll-backend.js';

export class EpollDatagrams implements Datagrams, Watched, FdUser {
  readonly socket: OwnedFd;
  readonly #backend: EpollBackend;
  readonly #events: DatagramEvents;
  readonly #calls: DatagramCalls;
  readonly #tag: number;
  #waiting = false;
  #closed = false;

  constructor(backend: EpollBackend, socket: OwnedFd, events: DatagramEvents) {
    this.#backend = backend;
    this.socket = socket;
    this.#events = events;
    this.#calls = new DatagramCalls(socket, events);
    this.#tag = backend.watch(this);
    backend.epoll.add(socket, EPOLLIN, { tag: this.#tag });
    socket.addUser(this);
  }

  get open(): boolean {
    return !this.#closed;
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
    this.letGo();
    this.socket.close();
  }

  /** The socket is being closed, by somebody else perhaps, or given away. */
  letGo(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backend.unwatch(this.#tag);
    this.#backend.forget(this);
  }
}
