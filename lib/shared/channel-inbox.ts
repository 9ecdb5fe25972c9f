/** What has come to an end of a channel, and who is to have it. */
import { type Decoded, discard } from './channel-values.js';

/** In place of a message: none will come any more. */
export const OVER: unique symbol = Symbol('over');

/** So many are kept for an iteration to come before no more are taken for it. */
const KEPT = 1024;

interface Waiter {
  resolve(message: unknown): void;
  reject(error: Error): void;
}

export class Inbox {
  #kept: Decoded[] = [];
  readonly #waiters: Waiter[] = [];
  #handler: ((message: never) => void) | undefined;
  #over = false;
  #error: Error | undefined;

  /** Somebody waits for a message. */
  get wanted(): boolean {
    return this.#handler !== undefined || this.#waiters.length > 0;
  }

  get full(): boolean {
    return this.#kept.length >= KEPT;
  }

  deliver(decoded: Decoded): void {
    if (this.#handler !== undefined) call(this.#handler, decoded.value as never);
    else {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#kept.push(decoded);
      else waiter.resolve(decoded.value);
    }
  }

  handle(handler: ((message: never) => void) | undefined): void {
    this.#handler = handler;
    const kept = this.#kept;
    this.#kept = [];
    for (const decoded of kept) this.deliver(decoded);
  }

  /** The next message or `OVER`; `ask` is called when it has still to come. */
  next(ask: () => void): Promise<unknown> {
    const first = this.#kept.shift();
    if (first !== undefined) return Promise.resolve(first.value);
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#over) return Promise.resolve(OVER);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      ask();
    });
  }

  /** Nothing more will come. */
  finish(error: Error | undefined): void {
    this.#over = true;
    this.#error = error;
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (error === undefined) resolve(OVER);
      else reject(error);
    }
  }

  /** Closes what came and nobody took. */
  drop(): void {
    for (const { moved } of this.#kept.splice(0)) discard(moved);
  }
}

/** What it throws is an uncaught exception, and not the channel's end. */
function call(handler: (message: never) => void, message: never): void {
  try {
    handler(message);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
