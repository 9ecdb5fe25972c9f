/** Ends one or both directions of a connection. */
import { IORING_OP_SHUTDOWN, SHUT_RD, SHUT_RDWR, SHUT_WR } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { oneOf } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const SHUTDOWN = kind<void>({
  name: 'shutdown',
  code: IORING_OP_SHUTDOWN,
  since: '5.11',
  decode: nothing,
});

const HOW = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR } as const;

/**
 * Ends the reading side, the writing side, or both.
 *
 * @kernel 5.11 IORING_OP_SHUTDOWN
 * @man shutdown(2)
 */
export function shutdown(
  socket: FdLike | DirectFd,
  side: keyof typeof HOW,
  options: CommonOptions = {},
): Operation<void> {
  const operation = new Operation(SHUTDOWN, descriptor('socket', socket)).common(options);
  operation.length = HOW[oneOf('side', side, ['read', 'write', 'both'] as const)];
  return operation;
}
