/** Tells the kernel how a part of a file will be read. */
import {
  IORING_OP_FADVISE,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_NOREUSE,
  POSIX_FADV_NORMAL,
  POSIX_FADV_RANDOM,
  POSIX_FADV_SEQUENTIAL,
  POSIX_FADV_WILLNEED,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer, oneOf } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { highWord } from '../sqe.js';

const FADVISE = kind<void>({
  name: 'fadvise',
  code: IORING_OP_FADVISE,
  since: '5.6',
  inWorker: true,
  decode: nothing,
});

const ADVICE = {
  normal: POSIX_FADV_NORMAL,
  random: POSIX_FADV_RANDOM,
  sequential: POSIX_FADV_SEQUENTIAL,
  willneed: POSIX_FADV_WILLNEED,
  dontneed: POSIX_FADV_DONTNEED,
  noreuse: POSIX_FADV_NOREUSE,
} as const;

export type FileAdvice = keyof typeof ADVICE;

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
  const operation = new Operation(FADVISE, descriptor('fd', fd));
  operation.common(options, 'offset', 'length');
  operation.operationFlags = ADVICE[oneOf('advice', advice, Object.keys(ADVICE) as FileAdvice[])];
  operation.offset = integer('offset', options.offset ?? 0, 0, Number.MAX_SAFE_INTEGER);
  const length = integer('length', options.length ?? 0, 0, Number.MAX_SAFE_INTEGER);
  // A length of 64 bits came later, and stands where others have an address.
  if (length < 2 ** 32) operation.length = length | 0;
  else {
    operation.addressLow = length | 0;
    operation.addressHigh = highWord(length);
  }
  return operation;
}
