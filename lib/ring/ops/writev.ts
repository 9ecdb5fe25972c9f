/** Writes several pieces of memory to a file. */
import { IORING_OP_WRITEV, IORING_OP_WRITEV_FIXED } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { byteCount, kind, type Operation } from '../operation.js';
import { forWrite, type WriteOptions } from './rw-flags.js';
import { vectored } from './vectored.js';

const WRITEV = kind<number>({
  name: 'writev',
  code: IORING_OP_WRITEV,
  since: '5.1',
  decode: byteCount,
});

const WRITEV_FIXED = kind<number>({
  name: 'writev_fixed',
  code: IORING_OP_WRITEV_FIXED,
  since: '6.15',
  fixedBuffer: true,
  decode: byteCount,
});

/**
 * Writes `sources`, one after the other; gives the bytes written in all.
 *
 * @kernel 5.1 IORING_OP_WRITEV
 * @man pwritev2(2)
 */
export function writev(
  fd: FdLike | DirectFd,
  sources: readonly ArrayBufferView[],
  options: WriteOptions = {},
): Operation<number> {
  return forWrite(vectored(WRITEV, descriptor('fd', fd), 'sources', sources, 'source'), options);
}

/**
 * Writes views of one mapping that was registered with the ring (`registerBuffers`).
 *
 * @kernel 6.15 IORING_OP_WRITEV_FIXED
 * @man pwritev2(2)
 */
export function writevFixed(
  fd: FdLike | DirectFd,
  sources: readonly ArrayBufferView[],
  options: WriteOptions = {},
): Operation<number> {
  return forWrite(
    vectored(WRITEV_FIXED, descriptor('fd', fd), 'sources', sources, 'source'),
    options,
  );
}
