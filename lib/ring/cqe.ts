/** The 16 bytes of a completion, as 32-bit words: `struct io_uring_cqe`. */
import { IORING_CQE_F_BUFFER, IORING_CQE_F_MORE } from '../abi.js';

export const CQE_WORDS = 4;
export const CQE_SHIFT = 2;
export const CQE_USER_DATA_LOW = 0;
export const CQE_USER_DATA_HIGH = 1;
export const CQE_RESULT = 2;
export const CQE_FLAGS = 3;

const BUFFER_SHIFT = 16;

/** Words that a large completion has more (IORING_SETUP_CQE32, IORING_CQE_F_32). */
export const CQE_EXTRA = 4;
export const CQE_EXTRA_WORDS = 4;

/**
 * extra1 and extra2 of the completion that is being delivered: for handlers, visitors and decoders,
 * until they return. Zeroes for a small completion among large ones (IORING_SETUP_CQE_MIXED).
 */
export const cqeExtra = new BigUint64Array(2);
/** The same, as words. */
export const cqeExtraWords = new Int32Array(cqeExtra.buffer);

/** Whether more completions of the same operation follow: without it the operation has ended. */
export function hasMore(flags: number): boolean {
  return (flags & IORING_CQE_F_MORE) !== 0;
}

/** The provided buffer that a completion used, or -1. */
export function bufferId(flags: number): number {
  return flags & IORING_CQE_F_BUFFER ? flags >>> BUFFER_SHIFT : -1;
}
