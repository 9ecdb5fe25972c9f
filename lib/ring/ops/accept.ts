/** Takes connections from a listening socket. */
import {
  IORING_ACCEPT_MULTISHOT,
  IORING_OP_ACCEPT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike, OwnedFd } from '../../fd/fd.js';
import { invalidType } from '../../validate.js';
import { type Into, intoKind, placeInto } from '../into.js';
import { type CommonOptions, kind, MultishotOperation, Operation } from '../operation.js';
import type { FileTable } from '../registrations/file-table.js';
import { SQE_IOPRIO_SHIFT } from '../sqe.js';

const ACCEPT = kind<OwnedFd>({
  name: 'accept',
  code: IORING_OP_ACCEPT,
  since: '5.5',
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const ACCEPT_DIRECT = intoKind(ACCEPT);

const ACCEPTED = SOCK_CLOEXEC | SOCK_NONBLOCK;

/**
 * Takes one connection; gives its `OwnedFd`, close-on-exec and non-blocking; or, with `into`, its
 * `DirectFd` (5.15).
 *
 * @errno EMFILE no descriptor is free in this process
 * @kernel 5.5 IORING_OP_ACCEPT
 * @man accept4(2)
 */
export function accept(listener: FdLike | DirectFd, options?: CommonOptions): Operation<OwnedFd>;
export function accept(
  listener: FdLike | DirectFd,
  options: CommonOptions & Into,
): Operation<DirectFd>;
export function accept(
  listener: FdLike | DirectFd,
  options: CommonOptions & Partial<Into> = {},
): Operation<OwnedFd> | Operation<DirectFd> {
  const kind = options?.into === undefined ? ACCEPT : ACCEPT_DIRECT;
  const operation = new Operation<OwnedFd | DirectFd>(kind, descriptor('listener', listener));
  accepting(operation, options);
  return operation as Operation<OwnedFd> | Operation<DirectFd>;
}

function accepting(
  operation: Operation<OwnedFd | DirectFd>,
  options: CommonOptions & Partial<Into>,
): void {
  operation.common(options, 'into').operationFlags = ACCEPTED;
  if (options.into === undefined) return;
  // There is no descriptor to be closed on exec.
  operation.operationFlags = SOCK_NONBLOCK;
  placeInto(operation, options.into);
}

/**
 * Takes every connection that comes; one submission serves them all. With `into`, the kernel
 * chooses a slot for each (6.0).
 *
 * @kernel 5.19 IORING_ACCEPT_MULTISHOT; one by one on older kernels
 * @man accept4(2), io_uring_enter(2)
 */
export function acceptMultishot(
  listener: FdLike | DirectFd,
  options?: CommonOptions,
): MultishotOperation<OwnedFd>;
export function acceptMultishot(
  listener: FdLike | DirectFd,
  options: CommonOptions & Into<FileTable>,
): MultishotOperation<DirectFd>;
export function acceptMultishot(
  listener: FdLike | DirectFd,
  options: CommonOptions & Partial<Into<FileTable>> = {},
): MultishotOperation<OwnedFd> | MultishotOperation<DirectFd> {
  const kind = options?.into === undefined ? ACCEPT : ACCEPT_DIRECT;
  const operation = new MultishotOperation<OwnedFd | DirectFd>(
    kind,
    descriptor('listener', listener),
  );
  accepting(operation, options);
  if (operation.into !== undefined) throw invalidType('into', 'the `files` of a ring', 'a slot');
  operation.addPriority(IORING_ACCEPT_MULTISHOT);
  operation.lower = () => {
    operation.head &= ~(IORING_ACCEPT_MULTISHOT << SQE_IOPRIO_SHIFT);
  };
  return operation as MultishotOperation<OwnedFd> | MultishotOperation<DirectFd>;
}
