/** Operations that found no buffer in a pool: each is begun again when there may be one for it. */

/** Not by the number of receives, but for the case that nobody tells when to try again. */
const RETRY_MS = 10;

/** The pool that they wait for. */
interface Pool {
  /** Buffers that the kernel has, or has filled and not yet told of. */
  readonly available: number;
  /** Buffers ever given to the kernel. */
  readonly puts: number;
}

/** When what was submitted by now has been answered. */
interface Turns {
  afterTurn(call: () => void): void;
}

export class BufferWaiters {
  readonly #pool: Pool;
  readonly #turns: Turns;
  /** How to begin each again, longest first; and the pool's `puts` when it was begun last. */
  readonly #waiting = new Map<() => void, number>();
  #looking = false;
  #retry: NodeJS.Timeout | undefined = undefined;

  constructor(pool: Pool, turns: Turns) {
    this.#pool = pool;
    this.#turns = turns;
  }

  /** `seen`: the pool's `puts` when the operation began that found none. */
  add(resume: () => void, seen: number): void {
    const { available, puts } = this.#pool;
    this.#waiting.set(resume, seen);
    if (available === 0) return;
    if (puts !== seen) this.look();
    else this.#tryLater();
  }

  /** There are `given` buffers more: for as many of those who wait longest. */
  wake(given: number): void {
    if (this.#waiting.size === 0) return;
    const { puts } = this.#pool;
    const woken: (() => void)[] = [];
    for (const [resume, seen] of this.#waiting) {
      if (woken.length === given) break;
      // Those who have tried since the last one was given have nothing new to find.
      if (seen !== puts) woken.push(resume);
    }
    if (woken.length === 0) return;
    this.#resume(woken);
    // Who is woken may have nothing to receive: then the buffer is for the next.
    if (this.#waiting.size > 0) this.look();
  }

  wakeAll(): void {
    clearTimeout(this.#retry);
    this.#resume([...this.#waiting.keys()]);
  }

  /** Wakes as many as there are buffers left, when those who were woken have taken theirs. */
  look(): void {
    if (this.#looking || this.#waiting.size === 0) return;
    this.#looking = true;
    this.#turns.afterTurn(() => {
      this.#looking = false;
      this.wake(this.#pool.available);
    });
  }

  /** Operations in flight hold buffers, and may give them back without a word. */
  #tryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#resume([...this.#waiting.keys()].slice(0, this.#pool.available));
    }, RETRY_MS).unref();
  }

  #resume(woken: readonly (() => void)[]): void {
    for (const resume of woken) this.#waiting.delete(resume);
    for (const resume of woken) resume();
  }
}
