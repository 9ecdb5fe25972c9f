/** Messages that wait to be received, and receivers that wait for messages. */
import { abortError } from '../errors.js';
import { abortSignal, onlyKeys } from '../validate.js';
import type { Message, Messages } from './message.js';

export interface ReceiveOptions {
  /** Ends the waiting, with an AbortError; messages stay for others. */
  signal?: AbortSignal;
}

interface Waiter {
  resolve(message: Message | undefined): void;
  reject(error: unknown): void;
}

export class Incoming {
  readonly #most: number;
  readonly #queue: Message[] = [];
  #first = 0;
  #waiters: Waiter[] = [];
  #failure: unknown = undefined;
  #ended = false;

  constructor(most: number) {
    this.#most = most;
  }

  get full(): boolean {
    return this.#queue.length - this.#first >= this.#most;
  }

  get empty(): boolean {
    return this.#first === this.#queue.length;
  }

  take(messages: Messages): void {
    for (const message of messages) {
      const kept = message.keep();
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#queue.push(kept);
      else waiter.resolve(kept);
    }
  }

  /** The next to receive is told; the first failure counts. */
  fail(error: unknown): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#failure ??= error;
    else waiter.reject(error);
  }

  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(undefined);
  }

  next(options: ReceiveOptions): Promise<Message | undefined> {
    onlyKeys('options', options, ['signal']);
    const signal = abortSignal('signal', options.signal);
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const message = this.#shift();
    if (message !== undefined) return Promise.resolve(message);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#waiters.push(waiter);
      if (signal !== undefined) this.#watch(signal, waiter);
    });
  }

  #shift(): Message | undefined {
    if (this.empty) return undefined;
    const message = this.#queue[this.#first++];
    // Not one by one, which would move all others each time.
    if (this.#first > this.#queue.length / 2) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    return message;
  }

  #watch(signal: AbortSignal, waiter: Waiter): void {
    const abort = (): void => {
      this.#waiters = this.#waiters.filter((each) => each !== waiter);
      waiter.reject(abortError(signal));
    };
    const { resolve, reject } = waiter;
    signal.addEventListener('abort', abort, { once: true });
    waiter.resolve = (message) => {
      signal.removeEventListener('abort', abort);
      resolve(message);
    };
    waiter.reject = (error) => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
  }
}
