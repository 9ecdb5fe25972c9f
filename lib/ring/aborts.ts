/** One listener for each AbortSignal, however many operations it cancels. */

export class Aborts {
  readonly #cancels = new Map<AbortSignal, Set<() => void>>();

  /** Calls `cancel` when `signal` is aborted, unless `delete` comes first. */
  add(signal: AbortSignal, cancel: () => void): void {
    const known = this.#cancels.get(signal);
    if (known !== undefined) {
      known.add(cancel);
      return;
    }
    this.#cancels.set(signal, new Set([cancel]));
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  delete(signal: AbortSignal, cancel: () => void): void {
    const known = this.#cancels.get(signal);
    if (!known?.delete(cancel) || known.size > 0) return;
    this.#cancels.delete(signal);
    signal.removeEventListener('abort', this.#onAbort);
  }

  /** Nothing will be called any more. */
  dispose(): void {
    for (const signal of this.#cancels.keys()) signal.removeEventListener('abort', this.#onAbort);
    this.#cancels.clear();
  }

  readonly #onAbort = (event: Event): void => {
    const signal = event.target as AbortSignal;
    const cancels = this.#cancels.get(signal);
    this.#cancels.delete(signal);
    for (const cancel of cancels ?? []) cancel();
  };
}
