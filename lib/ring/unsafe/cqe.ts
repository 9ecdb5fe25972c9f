/** One completion, as the kernel left it in the queue. */

const HIGH = 0x1_0000_0000;

/** The completion that was looked at last: one object for all of them. */
export class Cqe {
  userDataLow = 0;
  userDataHigh = 0;
  /** `-errno` on failure. */
  result = 0;
  /** IORING_CQE_F_* bits. */
  flags = 0;

  /** Exact below 2^53. */
  get userData(): number {
    return (this.userDataLow >>> 0) + (this.userDataHigh >>> 0) * HIGH;
  }

  get userData64(): bigint {
    return (BigInt(this.userDataHigh >>> 0) << 32n) | BigInt(this.userDataLow >>> 0);
  }
}
