/** Chooses for each send whether it goes without a copy: by its size, and by what that has won. */

import { IORING_OP_SEND_ZC } from '../abi.js';
import type { DirectFd, FdLike } from '../fd/fd.js';
import { opSupported } from '../features.js';
import { Mapping } from '../memory/mapping.js';
import { integer, onlyKeys } from '../validate.js';
import { send } from './ops/send.js';
import { sendZc } from './ops/send-zc.js';
import type { Ring } from './ring.js';
import { ZeroCopySend } from './zero-copy.js';

export interface ZeroCopySenderOptions {
  /** Fewer bytes than this are copied. Default 16384. */
  threshold?: number;
}

const THRESHOLD = 16_384;
/** Sends that are copied after the kernel copied all the same; twice as many each further time. */
const BACKOFF_FIRST = 16;
const BACKOFF_MOST = 4096;

/**
 * Sends on one socket, without a copy where that pays: views of a `Mapping` from `threshold` bytes
 * on. When the kernel reports that it copied after all, the next sends are plain ones, and now and
 * then it is tried again.
 *
 * @kernel 6.2 IORING_SEND_ZC_REPORT_USAGE; plain sends on older kernels
 * @man io_uring_enter(2)
 */
export class ZeroCopySender {
  readonly socket: FdLike | DirectFd;
  readonly threshold: number;
  /** How many sends went each way, and how many of the first the kernel copied. */
  readonly counts = { zeroCopy: 0, plain: 0, copied: 0 };
  readonly #ring: Ring;
  #supported = opSupported(IORING_OP_SEND_ZC);
  #backoff = 0;
  #plainLeft = 0;

  /** @internal */
  constructor(ring: Ring, socket: FdLike | DirectFd, options: ZeroCopySenderOptions) {
    onlyKeys('options', options, ['threshold']);
    this.threshold = integer('threshold', options.threshold ?? THRESHOLD, 0, 2 ** 31 - 1);
    this.socket = socket;
    this.#ring = ring;
  }

  /**
   * Sends `source`, which must not change until the result's `released` resolves; gives the bytes
   * sent, which may be fewer.
   */
  async send(source: ArrayBufferView): Promise<ZeroCopySend> {
    if (this.#pays(source)) {
      try {
        return await this.#zeroCopy(source);
      } catch (error) {
        // A socket that cannot, a kernel that cannot report, or too much pinned already.
        if (!this.#refused(error)) throw error;
      }
    }
    this.counts.plain++;
    const byteCount = await this.#ring.run(send(this.socket, source));
    return ZeroCopySend.ofCopy(byteCount);
  }

  #pays(source: ArrayBufferView): boolean {
    if (!this.#supported || source?.byteLength < this.threshold) return false;
    if (Mapping.of(source) === undefined) return false;
    if (this.#plainLeft === 0) return true;
    this.#plainLeft--;
    return false;
  }

  async #zeroCopy(source: ArrayBufferView): Promise<ZeroCopySend> {
    const sent = await this.#ring.run(sendZc(this.socket, source, { reportUsage: true }));
    this.counts.zeroCopy++;
    sent.released.then(
      ({ copied }) => {
        if (copied) {
          this.counts.copied++;
          this.#backOff();
        } else this.#backoff = 0;
      },
      () => undefined,
    );
    return sent;
  }

  #backOff(): void {
    this.#backoff = Math.min(Math.max(this.#backoff * 2, BACKOFF_FIRST), BACKOFF_MOST);
    this.#plainLeft = this.#backoff;
  }

  #refused(error: unknown): boolean {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOMEM' || code === 'ENOBUFS') this.#backOff();
    else if (code === 'EOPNOTSUPP' || code === 'EINVAL') this.#supported = false;
    else return false;
    return true;
  }
}
