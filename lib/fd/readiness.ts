/** Tells who waits for a descriptor, on this thread's loop, that it has become readable. */
import { ETIMEDOUT } from '../abi.js';
import { abortError, systemError } from '../errors.js';
import { defaultLoop, Watch } from '../watch.js';
import type { FdUser, OwnedFd } from './fd.js';

export function closedError(): TypeError {
  return Object.assign(new TypeError('the descriptor has been closed'), {
    code: 'ERR_INVALID_STATE',
  });
}

/** One that waits, as often as it takes: being readable is a hint, since others read too. */
export class Turn {
  readonly #readiness: Readiness;
  readonly #signal: AbortSignal | undefined = undefined;
  readonly #timer: NodeJS.Timeout | undefined = undefined;
  #failure: Error | undefined = undefined;
  #resolve: (() => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  readonly #onAbort = (): void => this.fail(abortError(this.#signal as AbortSignal));

  constructor(readiness: Readiness, signal: AbortSignal | undefined, timeoutMs?: number) {
    this.#readiness = readiness;
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (timeoutMs !== undefined) {
      this.#timer = setTimeout(() => this.fail(systemError(-ETIMEDOUT, 'poll')), timeoutMs);
      this.reference(readiness.referenced);
    }
  }

  /** Whether its time limit keeps the process alive. */
  reference(wanted: boolean): void {
    if (wanted) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** Throws when there is nothing to wait for any more. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  next(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#readiness.add(this);
    });
  }

  wake(): void {
    this.#resolve?.();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#readiness.remove(this);
    this.#reject?.(error);
  }

  end(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    clearTimeout(this.#timer);
    this.#readiness.remove(this);
  }
}

/** Watches one descriptor while somebody waits for it, and not longer. */
export class Readiness implements FdUser {
  readonly #descriptor: OwnedFd;
  readonly #waiting = new Set<Turn>();
  #watch: Watch | undefined = undefined;
  referenced: boolean;

  constructor(descriptor: OwnedFd, referenced: boolean) {
    this.#descriptor = descriptor;
    this.referenced = referenced;
  }

  get open(): boolean {
    return this.#watch !== undefined;
  }

  wait(signal: AbortSignal | undefined, timeoutMs: number | undefined): Turn {
    return new Turn(this, signal, timeoutMs);
  }

  reference(referenced: boolean): void {
    this.referenced = referenced;
    this.#watch?.reference(referenced);
    for (const turn of this.#waiting) turn.reference(referenced);
  }

  add(turn: Turn): void {
    const watch = this.#watch ?? this.#start();
    this.#waiting.add(turn);
    watch.activate(true);
  }

  remove(turn: Turn): void {
    this.#waiting.delete(turn);
    if (this.#waiting.size === 0) this.#watch?.activate(false);
  }

  /** The descriptor is about to be closed, or given away. */
  letGo(): void {
    this.#watch?.close();
    this.#watch = undefined;
    for (const turn of [...this.#waiting]) turn.fail(closedError());
  }

  #start(): Watch {
    const { fd } = this.#descriptor;
    const watch = Watch.open(fd, defaultLoop(), () => this.#wake());
    if (typeof watch === 'number') throw systemError(watch, 'uv_poll_init', { fd });
    watch.reference(this.referenced);
    this.#watch = watch;
    this.#descriptor.addUser(this);
    return watch;
  }

  #wake(): void {
    const turns = [...this.#waiting];
    this.#waiting.clear();
    // It stays readable until somebody reads, and would call again and again until then.
    this.#watch?.activate(false);
    for (const turn of turns) turn.wake();
  }
}
