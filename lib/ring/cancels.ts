/**
 * What is to end, and is asked to again and again: a request may miss what is on its way to a
 * worker thread, is held back by another operation, or is a timer that is being armed again.
 */
import { IORING_REGISTER_SYNC_CANCEL } from '../abi.js';
import { registerSupported } from '../features.js';
import type { Engine } from './engine.js';
import { cancelUserData } from './ops/async-cancel.js';
import type { Sink } from './slots.js';
import { syncCancel } from './sync-cancel.js';

/** How long until a request is repeated. */
export const AGAIN_MS = 10;

/** Nobody waits for what a cancel request itself answers: the operation's own completion tells. */
export const IGNORE: Sink = { batched: true, complete: () => undefined };

export class Cancels {
  readonly #engine: Engine;
  /** From a slot to the generation of what is to end there. */
  readonly #asked = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Asks for the end of what is in flight in `slot`, if it is of that generation still. */
  ask(slot: number, generation: number): void {
    if (!this.#reachable(slot, generation)) return;
    this.#request(slot, generation);
    this.repeat(slot, generation);
  }

  /** As `ask`, where the first request has been made otherwise. */
  repeat(slot: number, generation: number): void {
    this.#asked.set(slot, generation);
    this.#timer ??= setTimeout(this.#again, AGAIN_MS).unref();
  }

  readonly #again = (): void => {
    this.#timer = undefined;
    for (const [slot, generation] of this.#asked) {
      if (!this.#reachable(slot, generation)) this.#asked.delete(slot);
      else if (!registerSupported(IORING_REGISTER_SYNC_CANCEL)) this.#request(slot, generation);
      else syncCancel(this.#engine.fd, this.#engine.slots.userDataLow(slot), generation, 0);
    }
    if (this.#asked.size > 0) this.#timer = setTimeout(this.#again, AGAIN_MS).unref();
  };

  /** A ring that is closing cancels everything by itself. */
  #reachable(slot: number, generation: number): boolean {
    const { open, closing, slots } = this.#engine;
    return open && !closing && slots.generations[slot] === generation;
  }

  #request(slot: number, generation: number): void {
    const low = this.#engine.slots.userDataLow(slot);
    this.#engine.begin(cancelUserData(low, generation), IGNORE, 0);
  }
}
