/** Reads from a file into one piece of memory. */
import { IORING_OP_READ, IORING_OP_READ_FIXED } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { byteCount, kind, Operation } from '../operation.js';
import { forRead, type ReadOptions } from './rw-flags.js';

const READ = kind<number>({
  name: 'read',
  code: IORING_OP_READ,
  since: '5.6',
  decode: byteCount,
});
const READ_FIXED = kind<number>({
  name: 'read_fixed',
  code: IORING_OP_READ_FIXED,
  since: '5.1',
  fixedBuffer: true,
  decode: byteCount,
});

/**
 * Reads into `target`.
 *
 * Gives the bytes read: 0 at end of file, fewer than `target.byteLength` near it or on a pipe.
 * Memory of a `Mapping` is written by the kernel itself; a view of other memory is filled from a
 * staging copy at the completion, so that it may be moved, detached or collected meanwhile.
 *
 * @errno EINVAL a file opened `direct` wants offset, length and address aligned to its blocks
 * @kernel 5.6 IORING_OP_READ
 * @man pread(2)
 */
export function read(
  fd: FdLike | DirectFd,
  target: ArrayBufferView,
  options: ReadOptions = {},
): Operation<number> {
  const operation = forRead(new Operation(READ, descriptor('fd', fd)), options);
  return operation.bytes('target', target, 'target');
}

/**
 * Reads into memory that was registered with the ring (`registerBuffers`).
 *
 * @kernel 5.1 IORING_OP_READ_FIXED
 * @man pread(2)
 */
export function readFixed(
  fd: FdLike | DirectFd,
  target: ArrayBufferView,
  options: ReadOptions = {},
): Operation<number> {
  const operation = forRead(new Operation(READ_FIXED, descriptor('fd', fd)), options);
  return operation.fixed('target', target);
}
