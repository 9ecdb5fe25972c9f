/** Writes one piece of memory to a file. */
import { IORING_OP_WRITE, IORING_OP_WRITE_FIXED } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { byteCount, kind, Operation } from '../operation.js';
import { forWrite, type WriteOptions } from './rw-flags.js';

const WRITE = kind<number>({
  name: 'write',
  code: IORING_OP_WRITE,
  since: '5.6',
  decode: byteCount,
});
const WRITE_FIXED = kind<number>({
  name: 'write_fixed',
  code: IORING_OP_WRITE_FIXED,
  since: '5.1',
  fixedBuffer: true,
  decode: byteCount,
});

/**
 * Writes `source`.
 *
 * Gives the bytes written, which may be fewer than asked. Memory of a `Mapping` must not change
 * until then; a view of other memory is copied at submission and is the caller's again at once.
 *
 * @kernel 5.6 IORING_OP_WRITE
 * @man pwrite(2)
 */
export function write(
  fd: FdLike | DirectFd,
  source: ArrayBufferView,
  options: WriteOptions = {},
): Operation<number> {
  const operation = forWrite(new Operation(WRITE, descriptor('fd', fd)), options);
  return operation.bytes('source', source, 'source');
}

/**
 * Writes memory that was registered with the ring (`registerBuffers`).
 *
 * @kernel 5.1 IORING_OP_WRITE_FIXED
 * @man pwrite(2)
 */
export function writeFixed(
  fd: FdLike | DirectFd,
  source: ArrayBufferView,
  options: WriteOptions = {},
): Operation<number> {
  const operation = forWrite(new Operation(WRITE_FIXED, descriptor('fd', fd)), options);
  return operation.fixed('source', source);
}
