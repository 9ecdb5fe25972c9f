/** Looks now and then for what has been idle or open for too long; nothing is paid in between. */

/** Looks per time limit: a timeout is late by at most a part of this. */
const LOOKS = 8;
const SHORTEST_MS = 5;
const LONGEST_MS = 1000;

interface Aging {
  readonly usedAt: number;
  readonly bornAt: number;
}

export class Sweeper<Item extends Aging> {
  /** Sweeps so far: the clock of the items. */
  sweeps = 0;
  readonly #periodMs: number;
  readonly #idleMs: number;
  readonly #lifetimeMs: number;
  readonly #items: Iterable<Item>;
  readonly #expired: (item: Item, which: 'idle' | 'lifetime') => void;
  #timer: NodeJS.Timeout | undefined;

  /** A limit of 0 is none. */
  constructor(
    limits: { idleTimeoutMs: number; lifetimeMs: number },
    items: Iterable<Item>,
    expired: (item: Item, which: 'idle' | 'lifetime') => void,
  ) {
    this.#idleMs = limits.idleTimeoutMs || Number.POSITIVE_INFINITY;
    this.#lifetimeMs = limits.lifetimeMs || Number.POSITIVE_INFINITY;
    const shortest = Math.min(this.#idleMs, this.#lifetimeMs);
    this.#periodMs = Math.min(Math.max(shortest / LOOKS, SHORTEST_MS), LONGEST_MS);
    this.#items = items;
    this.#expired = expired;
    if (shortest === Number.POSITIVE_INFINITY) return;
    this.#timer = setInterval(() => this.#sweep(), this.#periodMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    this.sweeps++;
    for (const item of this.#items) {
      // The sweep in which it was used may have been nearly over: one less is certain.
      const idleMs = (this.sweeps - item.usedAt - 1) * this.#periodMs;
      const lifetimeMs = (this.sweeps - item.bornAt - 1) * this.#periodMs;
      if (lifetimeMs >= this.#lifetimeMs) this.#expired(item, 'lifetime');
      else if (idleMs >= this.#idleMs) this.#expired(item, 'idle');
    }
  }
}
