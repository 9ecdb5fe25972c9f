/** The buffers of a SendPool: which are free, which wait to go out, and in which order. */
import type { Filling, Piece } from './send-lease.js';

/** Called with room or without: true when it has got all that it wanted. */
type Attempt = () => boolean;

interface Waiter {
  readonly attempt: Attempt;
  readonly failed: (error: unknown) => void;
}

export class SendQueue {
  /** In the order of their bytes. */
  readonly pieces: Piece[] = [];
  /** How many of them, from the first on, are with the kernel. */
  shown = 0;
  readonly #size: number;
  readonly #view: Filling['view'];
  readonly #free: number[];
  readonly #waiters: Waiter[] = [];

  constructor(count: number, size: number, view: Filling['view']) {
    this.#size = size;
    this.#view = view;
    this.#free = Array.from({ length: count }, (_, index) => count - 1 - index);
  }

  get free(): number {
    return this.#free.length;
  }

  /** Tries now, and again whenever buffers are free, never past one who came before. */
  attempt(attempt: Attempt, failed: (error: unknown) => void): void {
    if (this.#waiters.length > 0 || !attempt()) this.#waiters.push({ attempt, failed });
  }

  /** Lets those who wait try again, in their order. */
  retry(): void {
    while (this.#waiters[0]?.attempt() === true) this.#waiters.shift();
  }

  /** A place at the end of the queue, in a free buffer. */
  take(ready: boolean): Piece | undefined {
    const id = this.#free.pop();
    if (id === undefined) return undefined;
    const piece = { id, offset: 0, length: 0, ready };
    this.pieces.push(piece);
    return piece;
  }

  /** Copies as much of `bytes` as there is room for; answers how much that was. */
  put(bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      const piece = this.#lastWithRoom() ?? this.take(true);
      if (piece === undefined) break;
      const at = piece.offset + piece.length;
      const part = bytes.subarray(done, done + this.#size - at);
      this.#view(piece.id).set(part, at);
      piece.length += part.length;
      done += part.length;
    }
    return done;
  }

  /** Small writes share a buffer, unless the kernel has it already. */
  #lastWithRoom(): Piece | undefined {
    const last = this.pieces.length - 1;
    if (last < this.shown) return undefined;
    const piece = this.pieces[last] as Piece;
    const room = piece.id >= 0 && piece.ready && piece.offset + piece.length < this.#size;
    return room ? piece : undefined;
  }

  /** The pieces that can go out together: up to `most`, up to the first that is being filled. */
  showNext(most: number): Piece[] {
    this.#settle();
    const batch: Piece[] = [];
    for (const piece of this.pieces) {
      if (!piece.ready || batch.length === most) break;
      this.shown++;
      if (piece.length > 0) batch.push(piece);
    }
    if (batch.length === 0) this.shown = 0;
    return batch;
  }

  /** `byteCount` bytes from the front have gone out. Answers whether a piece has gone in part. */
  sent(byteCount: number): boolean {
    let left = byteCount;
    let partly = false;
    for (let index = 0; left > 0; index++) {
      const piece = this.pieces[index] as Piece;
      const part = Math.min(left, piece.length);
      piece.offset += part;
      piece.length -= part;
      left -= part;
      partly = piece.length > 0;
    }
    this.#settle();
    return partly;
  }

  /** Takes off the front what is empty, and says so where somebody asked. */
  #settle(): void {
    let done = 0;
    for (const piece of this.pieces) {
      if (!piece.ready || piece.length > 0) break;
      done++;
      if (piece.id >= 0 && piece.lost !== true) this.#free.push(piece.id);
      piece.reached?.();
    }
    this.pieces.splice(0, done);
    this.shown = Math.max(0, this.shown - done);
  }

  /** Nobody fills anything any more: what was being filled stays unsent. */
  closeOpen(): void {
    for (const piece of this.pieces) piece.ready = true;
  }

  /** Nothing will go out any more. */
  fail(error: unknown): void {
    for (const piece of this.pieces.splice(0)) {
      piece.ready = true;
      piece.failed?.(error);
    }
    for (const { failed } of this.#waiters.splice(0)) failed(error);
    this.shown = 0;
  }
}
