/** Makes room in a file, or takes it away. */
import { IORING_OP_FALLOCATE } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import { ALLOCATE_FLAGS } from './file-bits.js';
import { flagBits } from './flags.js';

const FALLOCATE = kind<void>({
  name: 'fallocate',
  code: IORING_OP_FALLOCATE,
  since: '5.6',
  inWorker: true,
  decode: nothing,
});

/** Default, with none of them: allocates what is missing, and makes the file longer if need be. */
export interface FallocateOptions extends CommonOptions {
  /** The file's length stays, whatever else happens; `punchHole` needs it. */
  keepSize?: boolean;
  /** Gives the range back to the file system: it reads as zeros. */
  punchHole?: boolean;
  /** Takes the range out, and moves what is behind it down. */
  collapseRange?: boolean;
  /** Makes the range read as zeros, without writing them. */
  zeroRange?: boolean;
  /** Moves what is behind `offset` up, and leaves a hole there. */
  insertRange?: boolean;
  /** Gives the file blocks of its own, where it shares them with a copy. */
  unshareRange?: boolean;
  /** Writes zeros, by the device itself where it can (6.17). */
  writeZeroes?: boolean;
}

/**
 * Makes sure that `length` bytes from `offset` have room, or what the options say instead.
 *
 * @errno EOPNOTSUPP the file system cannot do it
 * @errno ENOSPC there is no room
 * @errno EINVAL options that do not go together, or a range that is not in whole blocks
 * @kernel 5.6 IORING_OP_FALLOCATE
 * @man fallocate(2)
 */
export function fallocate(
  fd: FdLike | DirectFd,
  offset: number,
  length: number,
  options: FallocateOptions = {},
): Operation<void> {
  const operation = new Operation(FALLOCATE, descriptor('fd', fd));
  operation.common(options, ...Object.keys(ALLOCATE_FLAGS));
  operation.offset = integer('offset', offset, 0, Number.MAX_SAFE_INTEGER);
  // The length goes where others have an address, and the mode where they have the length.
  operation.addressLow = integer('length', length, 1, Number.MAX_SAFE_INTEGER) | 0;
  operation.addressHigh = highWord(length);
  operation.length = flagBits(ALLOCATE_FLAGS, options);
  return operation;
}
