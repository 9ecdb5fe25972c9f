/** Writes several pieces of memory to a file. */
import { IORING_OP_WRITEV } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { byteCount, fileOffset, kind, type Operation } from '../operation.js';
import { vectored } from './vectored.js';
import type { WriteOptions } from './write.js';

const WRITEV = kind<number>({
  name: 'writev',
  code: IORING_OP_WRITEV,
  since: '5.1',
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
  const operation = vectored(WRITEV, descriptor('fd', fd), 'sources', sources, 'source');
  operation.common(options, 'offset').offset = fileOffset('offset', options.offset ?? -1);
  return operation;
}
