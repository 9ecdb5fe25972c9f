/** Receives into memory that the network card writes to by itself. */
import { IORING_OP_RECV_ZC, IORING_RECV_MULTISHOT, IORING_RECVSEND_POLL_FIRST } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { boolean, integer } from '../../validate.js';
import { byteCount, type CommonOptions, kind, MultishotOperation } from '../operation.js';

const RECV_ZC = kind<number>({
  name: 'recv_zc',
  code: IORING_OP_RECV_ZC,
  since: '6.15',
  decode: byteCount,
});

export interface RecvZcOptions extends CommonOptions {
  /** The queue of the card, as IORING_REGISTER_ZCRX_IFQ has numbered it. */
  interfaceQueue: number;
  /** Ends after so many bytes. Default 0: never. */
  length?: number;
  /** IORING_RECVSEND_POLL_FIRST: do not try before data is announced. Default false. */
  pollFirst?: boolean;
}

/**
 * Receives all that comes on `socket` into the memory of a queue of the network card. It takes a
 * card that splits headers from data, a ring with `cqe32`, and its queue registered with the ring.
 *
 * Each completion gives a count of bytes. Where they are stands in the second half of the
 * completion: a handler reads it from `cqeExtra`.
 *
 * @errno EINVAL no such queue is registered with the ring
 * @kernel 6.15 IORING_OP_RECV_ZC
 * @man io_uring_enter(2)
 */
export function recvZc(
  socket: FdLike | DirectFd,
  options: RecvZcOptions,
): MultishotOperation<number> {
  const operation = new MultishotOperation(RECV_ZC, descriptor('socket', socket));
  operation.common(options, 'interfaceQueue', 'length', 'pollFirst');
  operation.fileIndex = integer('interfaceQueue', options.interfaceQueue, 0, 2 ** 31 - 1);
  operation.length = integer('length', options.length ?? 0, 0, 2 ** 31 - 1);
  operation.endsAtZero = true;
  if (boolean('pollFirst', options.pollFirst ?? false)) {
    operation.addPriority(IORING_RECVSEND_POLL_FIRST);
  }
  return operation.addPriority(IORING_RECV_MULTISHOT);
}
