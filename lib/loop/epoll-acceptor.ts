/** Accepting over epoll. */
import { EAGAIN, EPOLLIN, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../abi.js';
import { type FdUser, OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import type { AcceptEvents, Acceptor } from './backend.js';
import type { EpollBackend, Watched } from './epoll-backend.js';
import { isOfOneConnection, isShortage, RETRY_MS } from './retry.js';

/** Connections taken before others get their turn. */
const BUDGET = 64;

export class EpollAcceptor implements Acceptor, Watched, FdUser {
  place = -1;
  readonly #backend: EpollBackend;
  readonly #events: AcceptEvents;
  readonly #listener: OwnedFd;
  #timer: NodeJS.Timeout | undefined = undefined;
  #paused = false;
  #closed = false;

  constructor(backend: EpollBackend, listener: OwnedFd, events: AcceptEvents) {
    this.#backend = backend;
    this.#events = events;
    this.#listener = listener;
    backend.enter(this, () => this.#watch());
    listener.addUser(this);
  }

  get open(): boolean {
    return !this.#closed;
  }

  /** The listener is being closed, or given away. */
  letGo(): void {
    this.close();
  }

  ready(): void {
    for (let count = 0; count < BUDGET && this.#watching; count++) {
      const result = native.accept4(this.#listener.fd, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (result >= 0) this.#events.connection(OwnedFd.adopt(result));
      else if (result === -EAGAIN) return;
      else if (!isOfOneConnection(result)) {
        this.#failed(result);
        return;
      }
    }
  }

  #failed(result: number): void {
    if (isShortage(result)) {
      this.#forget();
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#watch();
      }, RETRY_MS);
    } else this.close();
    this.#events.failed(result);
  }

  get #watching(): boolean {
    return !this.#paused && !this.#closed && !this.#listener.closed;
  }

  #watch(): void {
    if (!this.#watching || this.#timer !== undefined) return;
    const { epoll } = this.#backend;
    if (!epoll.has(this.#listener)) epoll.add(this.#listener, EPOLLIN, { tag: this.place });
  }

  #forget(): void {
    const { epoll } = this.#backend;
    if (!this.#listener.closed && epoll.has(this.#listener)) epoll.delete(this.#listener);
  }

  pause(): void {
    this.#paused = true;
    this.#forget();
  }

  resume(): void {
    this.#paused = false;
    this.#watch();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#forget();
    this.#backend.leave(this);
  }

  finish(done: () => void): void {
    this.close();
    done();
  }
}
