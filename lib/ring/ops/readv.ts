/** Reads from a file into several pieces of memory. */
import { IORING_OP_READV } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { byteCount, fileOffset, kind, type Operation } from '../operation.js';
import type { ReadOptions } from './read.js';
import { vectored } from './vectored.js';

const READV = kind<number>({
  name: 'readv',
  code: IORING_OP_READV,
  since: '5.1',
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
  const operation = vectored(READV, descriptor('fd', fd), 'targets', targets, 'target');
  operation.common(options, 'offset').offset = fileOffset('offset', options.offset ?? -1);
  return operation;
}
