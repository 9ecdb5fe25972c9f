/** Asks the kernel to give up operations in flight. */
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_FD,
  IORING_OP_ASYNC_CANCEL,
} from '../../abi.js';
import { type Descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { byteCount, type CommonOptions, kind, Operation } from '../operation.js';

const ASYNC_CANCEL = kind<number>({
  name: 'async_cancel',
  code: IORING_OP_ASYNC_CANCEL,
  since: '5.5',
  decode: byteCount,
});

/**
 * By the user_data of one submission. What `signal` of `ring.run` uses.
 *
 * @kernel 5.5 IORING_OP_ASYNC_CANCEL
 * @man io_uring_enter(2)
 */
export function cancelUserData(low: number, high: number): Operation<number> {
  const operation = new Operation(ASYNC_CANCEL);
  operation.addressLow = low;
  operation.addressHigh = high;
  return operation;
}

/**
 * By IORING_ASYNC_CANCEL_* criteria.
 *
 * @kernel 5.19 IORING_ASYNC_CANCEL_ANY, IORING_ASYNC_CANCEL_FD
 * @man io_uring_enter(2)
 */
export function asyncCancelWhere(flags: number, target?: Descriptor): Operation<number> {
  const operation = new Operation(ASYNC_CANCEL);
  operation.operationFlags = flags;
  // The request itself is not an operation on the file, and must not count as one.
  if (target !== undefined) operation.fd = target.fd;
  return operation;
}

/**
 * Asks for the end of every operation on `fd`; gives how many were found, 0 when there was none.
 * Each of them still completes by itself, with ECANCELED or with what it had done.
 *
 * @kernel 5.19 IORING_ASYNC_CANCEL_FD
 * @man io_uring_enter(2)
 */
export function asyncCancel(fd: FdLike, options: CommonOptions = {}): Operation<number> {
  const flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
  return asyncCancelWhere(flags, plainDescriptor('fd', fd)).common(options);
}
