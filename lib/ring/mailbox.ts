/** Messages of other rings (IORING_OP_MSG_RING), told from completions by their user data. */
import { AsyncResource } from 'node:async_hooks';
import { abortError } from '../errors.js';
import type { DirectFd } from '../fd/fd.js';
import { runTicks } from '../ticks.js';
import { boolean, invalidType, onlyKeys } from '../validate.js';
import type { Engine } from './engine.js';

/**
 * Low words of user data that no operation has, since there are no opcodes 254 and 253. The high
 * word is the message's tag; its value, or the slot of its file, comes as the result.
 */
export const MESSAGE_LOW = 0xfe7f_ffff | 0;
export const FILE_MESSAGE_LOW = 0xfd7f_ffff | 0;

/** Whether a completion with this low word is a message: nothing that was begun ends with it. */
export function isMessage(low: number): boolean {
  return low === MESSAGE_LOW || low === FILE_MESSAGE_LOW;
}

/** What another ring has sent. */
export interface RingMessage {
  /** The sender's, from 0 to 2^32 - 1. */
  readonly tag: number;
  /** The sender's, a signed 32-bit number; 0 with a file. */
  readonly value: number;
  /** Flags that the sender has passed along (IORING_MSG_RING_FLAGS_PASS). */
  readonly flags: number;
  /** A file that the sender has put into this ring's table; it is the receiver's to close. */
  readonly file: DirectFd | undefined;
}

export type MessageHandler = (message: RingMessage) => void;

export interface MessagesOptions {
  /** Take files too (`op.msgRingFd`): the ring's table is made ready for them. Default false. */
  files?: boolean;
  /** Ends the iteration with an AbortError. */
  signal?: AbortSignal;
}

type Waiter = {
  resolve(step: IteratorResult<RingMessage, undefined>): void;
  reject(error: unknown): void;
};

/** Keeps messages until somebody takes them: none is lost. */
export class Mailbox {
  readonly #engine: Engine;
  readonly #queue: RingMessage[] = [];
  readonly #streams = new Set<MessageStream>();
  #handler: MessageHandler | undefined = undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Messages that nobody has taken yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Somebody wants the next one: that keeps the process alive, as an operation would. */
  get listening(): boolean {
    if (this.#handler !== undefined) return true;
    for (const stream of this.#streams) if (stream.waits) return true;
    return false;
  }

  /** True when a completion was a message; `high` is its tag. */
  arrived(low: number, high: number, result: number, flags: number): boolean {
    const tag = high >>> 0;
    if (low === MESSAGE_LOW) this.#queue.push({ tag, value: result, flags, file: undefined });
    else if (low === FILE_MESSAGE_LOW) {
      const file = this.#engine.files.opened(result, undefined);
      this.#queue.push({ tag, value: 0, flags, file });
    } else return false;
    return true;
  }

  /** Gives messages to who wants them, one by one, as completions are. */
  deliver(): void {
    while (this.#queue.length > 0) {
      if (this.#handler !== undefined) this.#handler(this.#queue.shift() as RingMessage);
      else {
        const stream = [...this.#streams].find(({ waits }) => waits);
        if (stream === undefined) return;
        stream.give(this.#queue.shift() as RingMessage);
      }
      runTicks();
    }
  }

  /** In the asynchronous context of this call. */
  handle(handler: MessageHandler | undefined, options: { files?: boolean } = {}): void {
    onlyKeys('options', options, ['files']);
    if (handler !== undefined && typeof handler !== 'function') {
      throw invalidType('handler', 'a function or undefined', handler);
    }
    if (boolean('files', options.files ?? false)) this.#engine.files.prepare(this.#engine);
    this.#handler = handler === undefined ? undefined : AsyncResource.bind(handler);
    this.changed();
  }

  stream(options: MessagesOptions): MessageStream {
    onlyKeys('options', options, ['files', 'signal']);
    if (boolean('files', options.files ?? false)) this.#engine.files.prepare(this.#engine);
    return new MessageStream(this, options.signal);
  }

  /** @internal */
  add(stream: MessageStream): void {
    this.#streams.add(stream);
    this.changed();
  }

  /** @internal */
  delete(stream: MessageStream): void {
    this.#streams.delete(stream);
    this.changed();
  }

  /** @internal */
  take(): RingMessage | undefined {
    return this.#queue.shift();
  }

  /** @internal Who listens has changed; what is waiting is delivered soon. */
  changed(): void {
    if (this.#engine.open) this.#engine.updateReference();
    if (this.#queue.length > 0 && this.listening) this.#engine.kick();
  }

  /** The ring is closed. */
  close(): void {
    this.#handler = undefined;
    for (const stream of [...this.#streams]) stream.end(undefined);
  }
}

/** Messages as an async iterable; several of one ring share them. */
export class MessageStream implements AsyncIterableIterator<RingMessage> {
  readonly #mailbox: Mailbox;
  readonly #signal: AbortSignal | undefined = undefined;
  readonly #waiters: Waiter[] = [];
  #error: unknown;
  #ended = false;

  /** @internal */
  constructor(mailbox: Mailbox, signal: AbortSignal | undefined) {
    this.#mailbox = mailbox;
    this.#signal = signal;
    if (signal?.aborted) this.end(abortError(signal));
    else {
      signal?.addEventListener('abort', this.#onAbort, { once: true });
      mailbox.add(this);
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RingMessage, undefined>> {
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    const value = this.#waiters.length === 0 ? this.#mailbox.take() : undefined;
    if (value !== undefined) return Promise.resolve({ value, done: false });
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#mailbox.changed();
    });
  }

  return(): Promise<IteratorResult<RingMessage, undefined>> {
    this.end(undefined);
    return Promise.resolve({ value: undefined, done: true });
  }

  /** @internal */
  get waits(): boolean {
    return this.#waiters.length > 0;
  }

  /** @internal */
  give(value: RingMessage): void {
    this.#waiters.shift()?.resolve({ value, done: false });
  }

  /** @internal */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const waiters = this.#waiters.splice(0);
    if (error !== undefined && waiters.length > 0) {
      this.#error = undefined;
      waiters.shift()?.reject(error);
    }
    for (const { resolve } of waiters) resolve({ value: undefined, done: true });
    this.#mailbox.delete(this);
  }

  readonly #onAbort = (): void => this.end(abortError(this.#signal as AbortSignal));
}
