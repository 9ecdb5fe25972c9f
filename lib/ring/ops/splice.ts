/** Moves or copies bytes through a pipe, without bringing them into user space. */
import {
  IORING_OP_SPLICE,
  IORING_OP_TEE,
  SPLICE_F_FD_IN_FIXED,
  SPLICE_F_MORE,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from '../../abi.js';
import { type Descriptor, type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer } from '../../validate.js';
import {
  BYTES_MAX,
  byteCount,
  type CommonOptions,
  fileOffset,
  kind,
  Operation,
  type OperationKind,
} from '../operation.js';
import { highWord } from '../sqe.js';
import { flagBits } from './flags.js';

const SPLICE = kind<number>({
  name: 'splice',
  code: IORING_OP_SPLICE,
  since: '5.7',
  inWorker: true,
  decode: byteCount,
});
const TEE = kind<number>({
  name: 'tee',
  code: IORING_OP_TEE,
  since: '5.8',
  inWorker: true,
  decode: byteCount,
});

const SPLICE_FLAGS = {
  move: SPLICE_F_MOVE,
  nonblock: SPLICE_F_NONBLOCK,
  more: SPLICE_F_MORE,
} as const;
const TEE_FLAGS = { nonblock: SPLICE_F_NONBLOCK } as const;

export interface TeeOptions extends CommonOptions {
  /** SPLICE_F_NONBLOCK: do not wait for the pipes (EAGAIN). Default false. */
  nonblock?: boolean;
}

export interface SpliceOptions extends TeeOptions {
  /** Bytes from the start of `source`. Default -1: its own position, as a pipe needs. */
  sourceOffset?: number;
  /** Bytes from the start of `target`. Default -1: its own position, as a pipe needs. */
  targetOffset?: number;
  /** SPLICE_F_MOVE: move pages rather than copy them, where that can be done. Default false. */
  move?: boolean;
  /** SPLICE_F_MORE: more follows at once, which a socket waits for. Default false. */
  more?: boolean;
}

/**
 * Moves up to `length` bytes from `source` to `target`, one of which is a pipe; gives the bytes
 * moved, 0 at the end of `source`.
 *
 * @errno EINVAL neither of them is a pipe, or one cannot be spliced
 * @errno ESPIPE an offset was given for a pipe
 * @kernel 5.7 IORING_OP_SPLICE
 * @man splice(2)
 */
export function splice(
  source: FdLike | DirectFd,
  target: FdLike | DirectFd,
  length: number,
  options: SpliceOptions = {},
): Operation<number> {
  const operation = between(SPLICE, source, target, length);
  operation.common(options, 'sourceOffset', 'targetOffset', ...Object.keys(SPLICE_FLAGS));
  operation.operationFlags |= flagBits(SPLICE_FLAGS, options);
  const from = fileOffset('sourceOffset', options.sourceOffset ?? -1);
  operation.addressLow = from | 0;
  operation.addressHigh = highWord(from);
  operation.offset = fileOffset('targetOffset', options.targetOffset ?? -1);
  return operation;
}

/**
 * Copies up to `length` bytes from one pipe to another, and leaves them in the first.
 *
 * @errno EINVAL one of them is not a pipe, or both are the same
 * @kernel 5.8 IORING_OP_TEE
 * @man tee(2)
 */
export function tee(
  source: FdLike | DirectFd,
  target: FdLike | DirectFd,
  length: number,
  options: TeeOptions = {},
): Operation<number> {
  const operation = between(TEE, source, target, length);
  operation.common(options, ...Object.keys(TEE_FLAGS));
  operation.operationFlags |= flagBits(TEE_FLAGS, options);
  return operation;
}

function between(
  of: OperationKind<number>,
  source: unknown,
  target: unknown,
  length: number,
): Operation<number> {
  const from: Descriptor = descriptor('source', source);
  const operation = new Operation(of, descriptor('target', target));
  operation.others = [from];
  operation.fileIndex = from.fd;
  operation.operationFlags = from.direct ? SPLICE_F_FD_IN_FIXED : 0;
  operation.length = integer('length', length, 0, BYTES_MAX);
  return operation;
}
