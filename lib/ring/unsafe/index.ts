/** The low-level door: rings for programs that were written for liburing. */
export {
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../../abi.js';
export type { Cqe } from './cqe.js';
export { UnsafeRing as Ring } from './ring.js';
export type { Sqe } from './sqe.js';
