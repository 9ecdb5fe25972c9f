/** Descriptors that JavaScript waits for on Node's loop, with plain reads and no ring. */
import { F_GETFL, O_NONBLOCK } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { abortSignal, milliseconds, onlyKeys, outOfRange } from '../validate.js';
import { OwnedFd } from './fd.js';
import { closedError, Readiness, type Turn } from './readiness.js';

/** As far as a timer of Node goes. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** How to wait. */
export interface WaitOptions {
  /** Gives up, with an AbortError. */
  signal?: AbortSignal;
  /** Gives up after so many milliseconds, with ETIMEDOUT. */
  timeoutMs?: number;
}

/**
 * An owned descriptor that can be waited for: with `wait` and `for await` here, by an `Epoll`, or
 * by a ring. Whoever reads first has what is there.
 */
export abstract class WaitableFd extends OwnedFd {
  #readiness: Readiness | undefined = undefined;
  #referenced = true;

  /** Waiting keeps the process alive, as it does at first. */
  ref(): this {
    this.#referenced = true;
    this.#readiness?.reference(true);
    return this;
  }

  /** Waiting does not keep the process alive. */
  unref(): this {
    this.#referenced = false;
    this.#readiness?.reference(false);
    return this;
  }

  /** @internal The number, for a call on a descriptor that must be open. */
  protected openFd(): number {
    if (this.closed) throw closedError();
    return this.fd;
  }

  /** @internal Resolves with what `attempt` answers, once that is not undefined. */
  protected waitFor<Result>(
    attempt: () => Result | undefined,
    options: WaitOptions,
  ): Promise<Result> {
    onlyKeys('options', options, ['signal', 'timeoutMs']);
    const signal = abortSignal('signal', options.signal);
    const limit = options.timeoutMs;
    const timeoutMs = limit === undefined ? undefined : milliseconds('timeoutMs', limit);
    if (timeoutMs !== undefined && timeoutMs > TIMEOUT_MAX_MS) {
      throw outOfRange('timeoutMs', `<= ${TIMEOUT_MAX_MS}`, timeoutMs);
    }
    return attemptInTurns(attempt, this.#ready().wait(signal, timeoutMs));
  }

  /** @internal What `attempt` answers, again and again, until the descriptor is closed. */
  protected each<Result>(attempt: () => Result | undefined): AsyncIterableIterator<Result> {
    const stop = new AbortController();
    const done = { done: true, value: undefined } as const;
    return {
      next: async () => {
        if (stop.signal.aborted || this.closed) return done;
        try {
          return { done: false, value: await this.waitFor(attempt, { signal: stop.signal }) };
        } catch (error) {
          // Closing is how a loop over it is ended.
          if (stop.signal.aborted || this.closed) return done;
          throw error;
        }
      },
      return: async () => {
        stop.abort();
        return done;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #ready(): Readiness {
    const fd = this.openFd();
    if (this.#readiness !== undefined) return this.#readiness;
    if ((check(native.fcntl(fd, F_GETFL, 0), 'fcntl', { fd }) & O_NONBLOCK) === 0) {
      throw new TypeError('a descriptor opened with nonblocking: false is waited for by a ring');
    }
    this.#readiness = new Readiness(this, this.#referenced);
    return this.#readiness;
  }
}

async function attemptInTurns<Result>(
  attempt: () => Result | undefined,
  turn: Turn,
): Promise<Result> {
  try {
    for (;;) {
      turn.check();
      const found = attempt();
      if (found !== undefined) return found;
      await turn.next();
    }
  } finally {
    turn.end();
  }
}
