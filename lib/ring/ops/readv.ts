/** Reads from a file into several pieces of memory. */
import { IORING_OP_READV, IORING_OP_READV_FIXED } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { byteCount, kind, type Operation } from '../operation.js';
import { forRead, type ReadOptions } from './rw-flags.js';
import { vectored } from './vectored.js';

const READV = kind<number>({
  name: 'readv',
  code: IORING_OP_READV,
  since: '5.1',
  decode: byteCount,
});

const READV_FIXED = kind<number>({
  name: 'readv_fixed',
  code: IORING_OP_READV_FIXED,
  since: '6.15',
  fixedBuffer: true,
  decode: byteCount,
});

/**
 * Reads into `targets`, one after the other; gives the bytes read in all.
 *
 * @kernel 5.1 IORING_OP_READV
 * @man preadv2(2)
 */
export function readv(
  fd: FdLike | DirectFd,
  targets: readonly ArrayBufferView[],
  options: ReadOptions = {},
): Operation<number> {
  return forRead(vectored(READV, descriptor('fd', fd), 'targets', targets, 'target'), options);
}

/**
 * Reads into views of one mapping that was registered with the ring (`registerBuffers`).
 *
 * @kernel 6.15 IORING_OP_READV_FIXED
 * @man preadv2(2)
 */
export function readvFixed(
  fd: FdLike | DirectFd,
  targets: readonly ArrayBufferView[],
  options: ReadOptions = {},
): Operation<number> {
  return forRead(
    vectored(READV_FIXED, descriptor('fd', fd), 'targets', targets, 'target'),
    options,
  );
}
