/** The 64 bytes of a submission queue entry, as 32-bit words: `struct io_uring_sqe`. */

export const SQE_WORDS = 16;
/** On a ring made with IORING_SETUP_SQE128, where each entry is as large as the largest may be. */
export const WIDE_SQE_WORDS = 32;
/** Multiplying takes longer, since JavaScript has to look for overflow and for minus zero. */
export const SQE_SHIFT = 4;

/** opcode (8 bits), IOSQE_* flags (8 bits), ioprio (16 bits). */
export const SQE_HEAD = 0;
export const SQE_FD = 1;
export const SQE_OFFSET_LOW = 2;
export const SQE_OFFSET_HIGH = 3;
export const SQE_ADDRESS_LOW = 4;
export const SQE_ADDRESS_HIGH = 5;
export const SQE_LENGTH = 6;
/** rw_flags, msg_flags, open_flags, cancel_flags ...: one word, named by the operation. */
export const SQE_OPERATION_FLAGS = 7;
export const SQE_USER_DATA_LOW = 8;
export const SQE_USER_DATA_HIGH = 9;
/** buf_index or buf_group (16 bits), personality (16 bits). */
export const SQE_BUFFER = 10;
/** splice_fd_in or file_index. */
export const SQE_FILE_INDEX = 11;
export const SQE_ADDRESS3_LOW = 12;
export const SQE_ADDRESS3_HIGH = 13;
export const SQE_LAST_LOW = 14;
export const SQE_LAST_HIGH = 15;
/** Of a wide entry: up to 80 bytes of a command, in place of the third address. */
export const SQE_COMMAND = 12;

export const SQE_FLAGS_SHIFT = 8;
export const SQE_IOPRIO_SHIFT = 16;

/** Above 2^32, exactly, for any whole number below 2^53. */
export function highWord(value: number): number {
  // By a power of two, which is exact, and faster than to divide.
  return Math.floor(value * 2 ** -32) | 0;
}
