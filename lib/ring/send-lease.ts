/** A buffer of a SendPool while it is filled, and its place among the bytes that go out. */
import { creationSite } from '../leaks.js';
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
  /** Who was to fill it has forgotten it, and may still hold a view: the buffer stays lent. */
  lost?: boolean;
  /** All before it has been sent. */
  reached?: () => void;
  /** Sending ended before that. */
  failed?: (error: unknown) => void;
}

/** What a lease asks of its pool. */
export interface Filling {
  view(id: number): Uint8Array;
  filled(piece: Piece): void;
  /** A lease was forgotten. */
  forgot(site: string | undefined): void;
}

/** What a lease leaves behind when it is collected. */
interface Remains {
  readonly pool: Filling;
  readonly piece: Piece;
  readonly site: string | undefined;
  seen: boolean;
}

/** Forgotten, it would hold back all behind it for ever. */
const forgotten = new FinalizationRegistry<Remains>(({ pool, piece, site, seen }) => {
  if (piece.ready) return;
  pool.forgot(site);
  piece.lost = seen;
  fill(pool, piece, 0);
});

/**
 * A buffer to be filled: what stands in it goes out at the place that `lend` reserved, when `send`
 * says so. Until then it holds back what was written behind it.
 */
export class SendLease implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly #remains: Remains;
  #bytes: Uint8Array | undefined = undefined;

  /** @internal */
  constructor(pool: Filling, piece: Piece) {
    this.#remains = { pool, piece, site: creationSite(), seen: false };
    forgotten.register(this, this.#remains, this);
  }

  /** The whole buffer; throws after `send` and `release`, and when its pool has ended. */
  get bytes(): Uint8Array {
    const { pool, piece } = this.#remains;
    if (piece.ready) throw new TypeError('the lease has been sent or released, or its pool ended');
    this.#remains.seen = true;
    this.#bytes ??= pool.view(piece.id);
    return this.#bytes;
  }

  /** Sends the first `byteCount` bytes of it; all of them if not given. */
  send(byteCount?: number): void {
    const { length } = this.bytes;
    this.#end(byteCount === undefined ? length : integer('byteCount', byteCount, 0, length));
  }

  /** Gives the buffer back unsent; does nothing after `send`. */
  release(): void {
    this.#end(0);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #end(byteCount: number): void {
    this.#bytes = undefined;
    forgotten.unregister(this);
    fill(this.#remains.pool, this.#remains.piece, byteCount);
  }
}

function fill(pool: Filling, piece: Piece, byteCount: number): void {
  if (piece.ready) return;
  piece.length = byteCount;
  piece.ready = true;
  pool.filled(piece);
}
