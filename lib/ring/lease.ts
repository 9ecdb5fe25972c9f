/** Received bytes that are lent to their receiver, and what becomes of those it forgets. */
import { itBelongsToItsThread } from '../uncloneable.js';

/** Who lends: a pool of buffers. */
export interface Lender {
  /** A new view of the bytes at `offset` of the pool. */
  view(offset: number, length: number): Uint8Array;
  recycle(id: number): void;
  /** A lease was forgotten; `seen` when there may be views of its bytes. */
  forgot(id: number, seen: boolean, site: string | undefined): void;
}

/** What a lease leaves behind when it is collected. */
interface Remains {
  readonly lender: Lender;
  readonly id: number;
  readonly site: string | undefined;
  seen: boolean;
}

const forgotten = new FinalizationRegistry<Remains>(({ lender, id, seen, site }) =>
  lender.forgot(id, seen, site),
);

/** Received bytes in a buffer of the pool: they are the receiver's until `release`. */
export class Lease implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** How many bytes were received. */
  readonly length: number;
  readonly #offset: number;
  /** Undefined when the bytes are a copy, whose buffer went back at once. */
  readonly #remains: Remains | undefined = undefined;
  #bytes: Uint8Array | undefined = undefined;
  #released = false;

  private constructor(
    length: number,
    offset: number,
    remains: Remains | undefined,
    bytes: Uint8Array | undefined,
  ) {
    this.length = length;
    this.#offset = offset;
    this.#remains = remains;
    this.#bytes = bytes;
  }

  /** @internal Of buffer `id`; the bytes are at `offset` of the pool. */
  static of(
    lender: Lender,
    id: number,
    offset: number,
    length: number,
    site: string | undefined,
  ): Lease {
    const remains = { lender, id, site, seen: false };
    const lease = new Lease(length, offset, remains, undefined);
    forgotten.register(lease, remains, remains);
    return lease;
  }

  /** @internal Of bytes that are the receiver's own. */
  static ofCopy(bytes: Uint8Array): Lease {
    return new Lease(bytes.length, 0, undefined, bytes);
  }

  /** The received bytes; throws after `release`, when the kernel may be writing to them again. */
  get bytes(): Uint8Array {
    if (this.#released) throw new TypeError('the lease has been released');
    if (this.#bytes !== undefined) return this.#bytes;
    const remains = this.#remains as Remains;
    remains.seen = true;
    this.#bytes = remains.lender.view(this.#offset, this.length);
    return this.#bytes;
  }

  /** @internal The bytes, for one who keeps no view of them. */
  peek(): Uint8Array {
    if (this.#released || this.#bytes !== undefined) return this.bytes;
    return (this.#remains as Remains).lender.view(this.#offset, this.length);
  }

  /** A copy of the bytes, which outlives the lease. */
  copy(): Uint8Array {
    return this.peek().slice();
  }

  /** Gives the buffer back to the kernel; a second call does nothing. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#bytes = undefined;
    const remains = this.#remains;
    if (remains === undefined) return;
    forgotten.unregister(remains);
    remains.lender.recycle(remains.id);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
