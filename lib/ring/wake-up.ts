/** What wakes the loop for a ring: an eventfd that the kernel signals, and the watch on it. */
import { EFD_CLOEXEC, EFD_NONBLOCK, IORING_REGISTER_EVENTFD } from '../abi.js';
import { check, unexpected } from '../errors.js';
import { native } from '../native.js';
import { type LoopKind, Watch } from '../watch.js';

const ONE = new BigUint64Array([1n]);
/** Turns in which to ask for edges: before the first the loop may not have looked at it yet. */
const TRIES = 4;

export class WakeUp {
  readonly #eventFd: number;
  readonly #watch: Watch;
  readonly #scratch = new BigUint64Array(1);
  /** Each signal is told once, so nobody has to take it back: a call less per wake-up. */
  #edges = false;
  #tries = TRIES;

  private constructor(eventFd: number, watch: Watch) {
    this.#eventFd = eventFd;
    this.#watch = watch;
  }

  /** Calls `turn` on this thread's loop; a ring that cannot be watched is closed. */
  static open(ring: number, loop: LoopKind, turn: () => void): WakeUp {
    const eventFd = native.eventfd2(0, EFD_CLOEXEC | EFD_NONBLOCK);
    let result = eventFd;
    if (eventFd >= 0) {
      const argument = new Int32Array([eventFd]);
      result = native.ioUringRegister(ring, IORING_REGISTER_EVENTFD, argument, 1);
      const watch = result < 0 ? result : Watch.open(eventFd, loop, turn);
      if (typeof watch !== 'number') return new WakeUp(eventFd, watch);
      result = watch;
      native.close(eventFd);
    }
    native.ringClose(ring);
    check(result, eventFd < 0 ? 'eventfd2' : 'io_uring_register');
    return unexpected(result, 'watchOpen');
  }

  /** Forgets the signals so far. */
  clear(): void {
    if (this.#edges) return;
    native.read(this.#eventFd, this.#scratch);
    if (this.#tries-- > 0) this.#edges = this.#watch.toEdges(this.#eventFd);
  }

  /** Another turn, after timers and others had theirs. */
  signal(): void {
    native.write(this.#eventFd, ONE);
  }

  /** Whether waiting for it keeps the process alive; it does not at first. */
  reference(wanted: boolean): void {
    this.#watch.reference(wanted);
  }

  /** No turn after this one. */
  stop(): void {
    this.#watch.close();
  }

  /** After `stop`, and after the ring is gone, which would signal it. */
  close(): void {
    native.close(this.#eventFd);
  }
}
