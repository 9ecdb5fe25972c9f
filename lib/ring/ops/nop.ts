/** Does nothing, and completes: for measuring, for tests, and for waking a ring. */
import {
  IORING_NOP_FILE,
  IORING_NOP_FIXED_BUFFER,
  IORING_NOP_FIXED_FILE,
  IORING_NOP_INJECT_RESULT,
  IORING_NOP_TW,
  IORING_OP_NOP,
  IOSQE_FIXED_FILE,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { boolean, integer } from '../../validate.js';
import {
  byteCount,
  type CommonOptions,
  kind,
  nothing,
  Operation,
  type OperationKind,
} from '../operation.js';
import { SQE_FLAGS_SHIFT } from '../sqe.js';

const NOP = kind<void>({ name: 'nop', code: IORING_OP_NOP, since: '5.1', decode: nothing });
const NOP_WITH_OPTIONS = kind<void>({
  name: 'nop',
  code: IORING_OP_NOP,
  since: '6.15',
  decode: nothing,
});
const NOP_FIXED_BUFFER = kind<void>({
  name: 'nop',
  code: IORING_OP_NOP,
  since: '6.15',
  fixedBuffer: true,
  decode: nothing,
});
const NOP_RESULT = kind<number>({
  name: 'nop',
  code: IORING_OP_NOP,
  since: '6.10',
  decode: byteCount,
});

export interface NopOptions extends CommonOptions {
  /** IORING_NOP_FILE (6.15): looks this file up, as other operations do; EBADF where none is. */
  file?: FdLike | DirectFd;
  /** IORING_NOP_FIXED_BUFFER (6.15): looks this registered memory up. */
  buffer?: ArrayBufferView;
  /** IORING_NOP_TW (6.15): completes in task work, as what waits does. Default false. */
  taskWork?: boolean;
}

/**
 * Does nothing.
 *
 * @errno EINVAL this kernel does not know one of the options
 * @kernel 5.1 IORING_OP_NOP
 * @man io_uring_enter(2)
 */
export function nop(options: NopOptions = {}): Operation<void> {
  const operation = make(kindOf(options ?? {}), options);
  if (options.buffer !== undefined) {
    operation.fixed('buffer', options.buffer);
    // It is looked up by its number, and its bytes are nobody's business.
    operation.operationFlags |= IORING_NOP_FIXED_BUFFER;
  }
  return operation;
}

function kindOf({ buffer, file, taskWork }: NopOptions): OperationKind<void> {
  if (buffer !== undefined) return NOP_FIXED_BUFFER;
  return file === undefined && taskWork !== true ? NOP : NOP_WITH_OPTIONS;
}

/**
 * Does nothing, and completes with `result`: a number, or `-errno`, with which it fails.
 *
 * @kernel 6.10 IORING_NOP_INJECT_RESULT
 * @man io_uring_enter(2)
 */
export function nopInjectResult(
  result: number,
  options: Omit<NopOptions, 'buffer'> = {},
): Operation<number> {
  const operation = make(NOP_RESULT, options);
  operation.length = integer('result', result, -4095, 2 ** 31 - 1);
  operation.operationFlags |= IORING_NOP_INJECT_RESULT;
  return operation;
}

function make<Result>(of: OperationKind<Result>, options: NopOptions): Operation<Result> {
  const file = options?.file === undefined ? undefined : descriptor('file', options.file);
  const operation = new Operation(of, file);
  operation.common(options, 'file', 'taskWork', ...(of.fixedBuffer ? ['buffer'] : []));
  if (file !== undefined) operation.operationFlags = IORING_NOP_FILE;
  if (file?.direct) {
    // It has a flag of its own for that.
    operation.head &= ~(IOSQE_FIXED_FILE << SQE_FLAGS_SHIFT);
    operation.operationFlags |= IORING_NOP_FIXED_FILE;
  }
  if (boolean('taskWork', options.taskWork ?? false)) operation.operationFlags |= IORING_NOP_TW;
  return operation;
}
