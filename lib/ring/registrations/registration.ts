/** What was registered with a ring, until it is disposed. */
import { itBelongsToItsThread } from '../../uncloneable.js';

/** Registered until disposed, or until the ring is closed. */
export class Registration implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /**
   * Resolves when the kernel has let go of everything in it: after `dispose`, and after the last
   * operation that uses it. Where the kernel has no tags (before 5.13), with `dispose`.
   */
  readonly released: Promise<void>;
  readonly #undo: () => void;
  #done = false;

  /** @internal */
  constructor(undo: () => void, released?: Promise<void>) {
    let done = (): void => undefined;
    this.released =
      released ??
      new Promise((resolve) => {
        done = resolve;
      });
    this.#undo = () => {
      undo();
      done();
    };
  }

  get disposed(): boolean {
    return this.#done;
  }

  dispose(): void {
    if (this.#done) return;
    this.#done = true;
    this.#undo();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
