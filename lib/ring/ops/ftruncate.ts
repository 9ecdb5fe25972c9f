/** Sets the length of a file. */
import { IORING_OP_FTRUNCATE } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const FTRUNCATE = kind<void>({
  name: 'ftruncate',
  code: IORING_OP_FTRUNCATE,
  since: '6.9',
  inWorker: true,
  decode: nothing,
});

/**
 * Makes the file `length` bytes long: cuts off what is behind, or adds zeros.
 *
 * @errno EINVAL it is not a file, or not open for writing
 * @kernel 6.9 IORING_OP_FTRUNCATE
 * @man ftruncate(2)
 */
export function ftruncate(
  fd: FdLike | DirectFd,
  length: number,
  options: CommonOptions = {},
): Operation<void> {
  const operation = new Operation(FTRUNCATE, descriptor('fd', fd)).common(options);
  operation.offset = integer('length', length, 0, Number.MAX_SAFE_INTEGER);
  return operation;
}
