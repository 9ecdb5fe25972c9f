/** IORING_REGISTER_SYNC_CANCEL: a request that does not stand in the queue. */
import { IORING_REGISTER_SYNC_CANCEL } from '../abi.js';
import { native } from '../native.js';

/** `struct io_uring_sync_cancel_reg`: address, fd, flags, then the time to wait for, here none. */
const WORDS = 16;
const ADDRESS_LOW = 0;
const ADDRESS_HIGH = 1;
const FD = 2;
const FLAGS = 3;

/**
 * Asks for the end of what is submitted under a name, or of what `flags` say. It passes drained
 * operations, which would hold a queued request back until what it is to cancel has ended.
 *
 * Kernels before 6.0 refuse it.
 */
export function syncCancel(ringFd: number, low: number, high: number, flags: number): void {
  const words = new Int32Array(WORDS);
  words[ADDRESS_LOW] = low;
  words[ADDRESS_HIGH] = high;
  words[FD] = -1;
  words[FLAGS] = flags;
  native.ioUringRegister(ringFd, IORING_REGISTER_SYNC_CANCEL, words, 1);
}
