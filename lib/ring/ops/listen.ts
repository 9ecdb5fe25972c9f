/** Lets a socket take connections. */
import { IORING_OP_LISTEN } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const LISTEN = kind<void>({
  name: 'listen',
  code: IORING_OP_LISTEN,
  since: '6.11',
  decode: nothing,
});

export interface ListenOptions extends CommonOptions {
  /**
   * Connections that may wait to be accepted; the kernel clamps it to net.core.somaxconn. Default
   * 511.
   */
  backlog?: number;
}

/**
 * Makes `socket` listen, which was bound before.
 *
 * @errno EADDRINUSE another socket listens on the port
 * @kernel 6.11 IORING_OP_LISTEN
 * @man listen(2)
 */
export function listen(socket: FdLike | DirectFd, options: ListenOptions = {}): Operation<void> {
  const operation = new Operation(LISTEN, descriptor('socket', socket)).common(options, 'backlog');
  operation.length = integer('backlog', options.backlog ?? 511, 0, 2 ** 31 - 1);
  return operation;
}
