/** Tells the kernel how a part of a file will be read. */
import { IORING_OP_FADVISE } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer, oneOf } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import { ADVICE_NAMES, FILE_ADVICE, type FileAdvice } from './file-bits.js';

const FADVISE = kind<void>({
  name: 'fadvise',
  code: IORING_OP_FADVISE,
  since: '5.6',
  inWorker: true,
  decode: nothing,
});
const FADVISE_LONG = kind<void>({
  name: 'fadvise',
  code: IORING_OP_FADVISE,
  since: '6.10',
  inWorker: true,
  decode: nothing,
});

export interface FadviseOptions extends CommonOptions {
  /** Bytes from the start of the file. Default 0. */
  offset?: number;
  /** Bytes; 4 GiB and more need 6.10. Default 0: to the end. */
  length?: number;
}

/**
 * Gives advice on the page cache: 'willneed' reads ahead, 'dontneed' drops what is clean.
 *
 * @errno ESPIPE it is a pipe
 * @kernel 5.6 IORING_OP_FADVISE
 * @man posix_fadvise(2)
 */
export function fadvise(
  fd: FdLike | DirectFd,
  advice: FileAdvice,
  options: FadviseOptions = {},
): Operation<void> {
  const length = integer('length', options?.length ?? 0, 0, Number.MAX_SAFE_INTEGER);
  const long = length >= 2 ** 32;
  const operation = new Operation(long ? FADVISE_LONG : FADVISE, descriptor('fd', fd));
  operation.common(options, 'offset', 'length');
  operation.operationFlags = FILE_ADVICE[oneOf('advice', advice, ADVICE_NAMES)];
  operation.offset = integer('offset', options.offset ?? 0, 0, Number.MAX_SAFE_INTEGER);
  // A length of 64 bits came later, and stands where others have an address.
  if (!long) operation.length = length | 0;
  else {
    operation.addressLow = length | 0;
    operation.addressHigh = highWord(length);
  }
  return operation;
}
