/** The two moments of a send without a copy: sent, and the memory free again. */
import { ECANCELED, IORING_NOTIF_USAGE_ZC_COPIED, IORING_SEND_ZC_REPORT_USAGE } from '../abi.js';
import { systemError } from '../errors.js';
import { hasMore } from './cqe.js';
import type { OperationKind } from './operation.js';
import { SQE_IOPRIO_SHIFT } from './sqe.js';

/** What the kernel tells when it is finished with the memory. */
export interface ZeroCopyRelease {
  /**
   * The kernel copied some of the bytes after all, as it does over loopback and for cards that
   * cannot gather. Undefined unless `reportUsage` was asked for.
   */
  readonly copied: boolean | undefined;
}

/** A send that the kernel has accepted; it may read the memory until `released` resolves. */
export class ZeroCopySend {
  /** Bytes sent, which may be fewer than asked. */
  readonly byteCount: number;
  /**
   * Resolves when the memory is the caller's again. Rejects only when the ring had to give the
   * operation up: the memory is the kernel's for good then.
   */
  readonly released: Promise<ZeroCopyRelease>;
  readonly #reported: boolean;
  #resolve!: (release: ZeroCopyRelease) => void;
  #reject!: (error: Error) => void;

  /** @internal */
  constructor(byteCount: number, reported: boolean) {
    this.byteCount = byteCount;
    this.#reported = reported;
    this.released = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who does not wait for it need not hear of the ring's end.
    this.released.catch(() => undefined);
  }

  /** @internal A plain send, whose memory is free at once. */
  static ofCopy(byteCount: number): ZeroCopySend {
    return new ZeroCopySend(byteCount, true).releasedAtOnce();
  }

  /** @internal The notification, or undefined when there will be none. */
  notified(result: number | undefined): void {
    if (result === undefined) this.#reject(systemError(-ECANCELED, 'io_uring:send_zc'));
    else {
      const copied = (result & IORING_NOTIF_USAGE_ZC_COPIED) !== 0;
      this.#resolve({ copied: this.#reported ? copied : undefined });
    }
  }

  /** @internal Nothing of the memory was taken, or it is free already. */
  releasedAtOnce(): this {
    this.#resolve({ copied: this.#reported ? true : undefined });
    return this;
  }
}

/** How the operations that send without a copy read their completions. */
export const zeroCopyKind: Pick<OperationKind<ZeroCopySend>, 'decode' | 'notified'> = {
  decode: (result, flags, operation) => {
    const reported = operation.head & (IORING_SEND_ZC_REPORT_USAGE << SQE_IOPRIO_SHIFT);
    const send = new ZeroCopySend(result, reported !== 0);
    return hasMore(flags) ? send : send.releasedAtOnce();
  },
  notified: (send, result) => send.notified(result),
};
