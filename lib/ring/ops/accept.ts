/** Takes connections from a listening socket. */
import {
  IORING_ACCEPT_MULTISHOT,
  IORING_OP_ACCEPT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike, OwnedFd } from '../../fd/fd.js';
import { type CommonOptions, kind, MultishotOperation, Operation } from '../operation.js';
import { SQE_IOPRIO_SHIFT } from '../sqe.js';

const ACCEPT = kind<OwnedFd>({
  name: 'accept',
  code: IORING_OP_ACCEPT,
  since: '5.5',
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const ACCEPTED = SOCK_CLOEXEC | SOCK_NONBLOCK;

/**
 * Takes one connection; gives its `OwnedFd`, close-on-exec and non-blocking.
 *
 * @errno EMFILE no descriptor is free in this process
 * @kernel 5.5 IORING_OP_ACCEPT
 * @man accept4(2)
 */
export function accept(
  listener: FdLike | DirectFd,
  options: CommonOptions = {},
): Operation<OwnedFd> {
  const operation = new Operation(ACCEPT, descriptor('listener', listener)).common(options);
  operation.operationFlags = ACCEPTED;
  return operation;
}

/**
 * Takes every connection that comes; one submission serves them all.
 *
 * @kernel 5.19 IORING_ACCEPT_MULTISHOT; one by one on older kernels
 * @man accept4(2), io_uring_enter(2)
 */
export function acceptMultishot(
  listener: FdLike | DirectFd,
  options: CommonOptions = {},
): MultishotOperation<OwnedFd> {
  const operation = new MultishotOperation(ACCEPT, descriptor('listener', listener));
  operation.common(options).addPriority(IORING_ACCEPT_MULTISHOT);
  operation.operationFlags = ACCEPTED;
  operation.lower = () => {
    operation.head &= ~(IORING_ACCEPT_MULTISHOT << SQE_IOPRIO_SHIFT);
  };
  return operation;
}
