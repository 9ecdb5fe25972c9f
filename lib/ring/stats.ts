/** What a ring has counted since it was opened. */
export interface RingStats {
  /** Operations without a last completion. */
  readonly inFlight: number;
  readonly submitted: number;
  readonly completed: number;
  /** Calls of io_uring_enter. */
  readonly enters: number;
  /** Turns that found IORING_SQ_CQ_OVERFLOW set. */
  readonly overflows: number;
  /** Completions that no operation waited for. */
  readonly stale: number;
  /** Submissions that the kernel refused for now, and that were repeated. */
  readonly retries: number;
  /** Operations given up by `close` after its time limit, with their memory. */
  readonly leaked: number;
  /** Times that a multishot operation ended for want of a provided buffer. */
  readonly bufferShortages: number;
}
