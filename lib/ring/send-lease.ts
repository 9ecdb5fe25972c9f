/** A buffer of a SendPool while it is filled, and its place among the bytes that go out. */
import { itBelongsToItsThread } from '../uncloneable.js';
import { integer } from '../validate.js';

/** Bytes of one buffer on their way out, in the order of the queue. */
export interface Piece {
  /** Its buffer, or -1 for a mark that only says how far sending has come. */
  readonly id: number;
  offset: number;
  length: number;
  /** Nobody is filling it any more. */
  ready: boolean;
  /** All before it has been sent. */
  reached?: () => void;
  /** Sending ended before that. */
  failed?: (error: unknown) => void;
}

/** What a lease asks of its pool. */
export interface Filling {
  view(id: number): Uint8Array;
  filled(piece: Piece): void;
}

const forgotten = new FinalizationRegistry<() => void>((release) => release());

/**
 * A buffer to be filled: what stands in it goes out at the place that `lend` reserved, when `send`
 * says so. Until then it holds back what was written behind it.
 */
export class SendLease implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly #pool: Filling;
  readonly #piece: Piece;
  #bytes: Uint8Array | undefined;

  /** @internal */
  constructor(pool: Filling, piece: Piece) {
    this.#pool = pool;
    this.#piece = piece;
    this.#bytes = pool.view(piece.id);
    // Forgotten, it would hold back all behind it for ever.
    forgotten.register(this, () => fill(pool, piece, 0), this);
  }

  /** The whole buffer; throws after `send` and `release`, when it is the kernel's. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new TypeError('the lease has been sent or released');
    return this.#bytes;
  }

  /** Sends the first `byteCount` bytes of it; all of them if not given. */
  send(byteCount?: number): void {
    const { length } = this.bytes;
    this.#end(byteCount === undefined ? length : integer('byteCount', byteCount, 0, length));
  }

  /** Gives the buffer back unsent; does nothing after `send`. */
  release(): void {
    if (this.#bytes !== undefined) this.#end(0);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #end(byteCount: number): void {
    this.#bytes = undefined;
    forgotten.unregister(this);
    fill(this.#pool, this.#piece, byteCount);
  }
}

function fill(pool: Filling, piece: Piece, byteCount: number): void {
  if (piece.ready) return;
  piece.length = byteCount;
  piece.ready = true;
  pool.filled(piece);
}
