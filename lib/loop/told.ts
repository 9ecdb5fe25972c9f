/** Something of the epoll backend that ends with one result. */
import { ECANCELED } from '../abi.js';
import type { Done, Pending } from './backend.js';
import type { Member } from './members.js';

interface Owner {
  enter(what: Told): void;
  leave(what: Told): void;
}

/** Tells a result once: the first, or that it was cancelled. */
export class Told implements Pending, Member {
  place = -1;
  readonly #owner: Owner;
  readonly #done: Done;
  #isTold = false;
  onReady: (() => void) | undefined;
  onEnd: (() => void) | undefined;

  constructor(owner: Owner, done: Done) {
    this.#owner = owner;
    this.#done = done;
    owner.enter(this);
  }

  ready(): void {
    this.onReady?.();
  }

  tell(result: number): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.onEnd?.();
    this.#owner.leave(this);
    this.#done(result);
  }

  cancel(): void {
    process.nextTick(() => this.tell(-ECANCELED));
  }

  close(): void {
    this.cancel();
  }
}
