/**
 * Tags of registrations: the kernel posts one as a completion when it has let go of what was
 * registered under it.
 */

/**
 * Low word of a tag, which no operation has: there is no opcode 255. The native side knows it too,
 * since a tag is no completion of anything that was submitted. The high word says which it is.
 */
export const TAG_LOW = 0xff7f_ffff | 0;

/** A tag that was given out; `released` resolves when everything under it has been let go. */
export interface Tag {
  readonly high: number;
  readonly released: Promise<void>;
}

interface Waiting {
  left: number;
  done(): void;
}

export class Tags {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  /** One tag for `count` buffers or files. */
  make(count: number): Tag {
    const high = this.#next;
    this.#next = (this.#next + 1) | 0 || 1;
    const released = new Promise<void>((done) => this.#waiting.set(high, { left: count, done }));
    return { high, released };
  }

  /** True when the completion was a tag that was waited for. */
  arrived(high: number): boolean {
    const waiting = this.#waiting.get(high);
    if (waiting === undefined) return false;
    if (--waiting.left === 0) this.forget(high);
    return true;
  }

  /** Nothing was registered under it, or nothing will come any more. */
  forget(high: number): void {
    const waiting = this.#waiting.get(high);
    this.#waiting.delete(high);
    waiting?.done();
  }

  /** The ring is gone, and with it all that was registered. */
  forgetAll(): void {
    for (const high of [...this.#waiting.keys()]) this.forget(high);
  }
}
