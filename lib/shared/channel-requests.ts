/** What waits with a limit: a request for its answer, a message for room. */
import { ETIMEDOUT } from '../abi.js';
import { abortError, systemError } from '../errors.js';
import { abortSignal, milliseconds, onlyKeys } from '../validate.js';

/** How long a channel is waited for. */
export interface ChannelWaitOptions {
  /** Fails with ETIMEDOUT after so many milliseconds. Default never. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const TIMER_MAX = 2 ** 31 - 1;

/** Checks the options, and throws at once when they have been aborted already. */
export function checkWait(options: ChannelWaitOptions): void {
  onlyKeys('options', options, ['timeoutMs', 'signal']);
  if (options.timeoutMs !== undefined) milliseconds('timeoutMs', options.timeoutMs);
  const signal = abortSignal('signal', options.signal);
  if (signal?.aborted) throw abortError(signal);
}

/** Calls `end` once the limit of `options` is reached; answers what takes that back. */
export function limit(options: ChannelWaitOptions, end: (error: Error) => void): () => void {
  const { timeoutMs, signal } = options;
  const abort = (): void => end(abortError(signal as AbortSignal));
  const late = (): void => end(systemError(-ETIMEDOUT, 'channel'));
  const timer =
    timeoutMs === undefined || timeoutMs > TIMER_MAX ? undefined : setTimeout(late, timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Numbers have 28 bits: so many requests later one has the same again. */
const ID_MASK = 0xfff_ffff;

/** Requests that have no answer yet, by their number. */
export class Requests {
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  get size(): number {
    return this.#pending.size;
  }

  add(pending: Pending): number {
    do this.#last = (this.#last + 1) & ID_MASK;
    while (this.#pending.has(this.#last));
    this.#pending.set(this.#last, pending);
    return this.#last;
  }

  /** The request of that number, which is then none any more; undefined when it was given up. */
  take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  fail(error: Error): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(error);
  }
}
