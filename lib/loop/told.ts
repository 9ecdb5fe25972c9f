/** Something of the epoll backend that ends with one result. */
import { ECANCELED } from '../abi.js';
import type { Done, Pending } from './backend.js';

/** Tells a result once: the first, or that it was cancelled. */
export class Told implements Pending {
  readonly #owner: { forget(what: Told): void };
  readonly #done: Done;
  #isTold = false;
  onEnd: (() => void) | undefined;

  constructor(owner: { forget(what: Told): void }, done: Done) {
    this.#owner = owner;
    this.#done = done;
  }

  tell(result: number): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.onEnd?.();
    this.#owner.forget(this);
    this.#done(result);
  }

  cancel(): void {
    process.nextTick(() => this.tell(-ECANCELED));
  }

  close(): void {
    this.cancel();
  }
}
