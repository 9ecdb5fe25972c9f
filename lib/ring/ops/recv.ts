/** Receives from a socket. */
import {
  IORING_OP_RECV,
  IORING_RECV_MULTISHOT,
  IORING_RECVSEND_POLL_FIRST,
  MSG_PEEK,
  MSG_WAITALL,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { boolean, invalidType } from '../../validate.js';
import { BufferRing } from '../buffer-ring.js';
import type { Lease } from '../lease.js';
import {
  byteCount,
  type CommonOptions,
  kind,
  MultishotOperation,
  Operation,
} from '../operation.js';
import { SQE_IOPRIO_SHIFT } from '../sqe.js';

const RECV = kind<number>({ name: 'recv', code: IORING_OP_RECV, since: '5.6', decode: byteCount });

const RECV_MULTISHOT = kind<Lease>({
  name: 'recv',
  code: IORING_OP_RECV,
  since: '6.0',
  decode: (result, flags, operation) =>
    (operation.bufferRing as BufferRing).leaseOf(flags, result, operation.site),
});

export interface ReceiveOptions extends CommonOptions {
  /** MSG_PEEK: leave what is received in the socket. */
  peek?: boolean;
  /** MSG_WAITALL: wait until `target` is full, the peer has ended, or an error came. */
  waitAll?: boolean;
  /** IORING_RECVSEND_POLL_FIRST (5.19): do not try before data is announced. */
  pollFirst?: boolean;
}

/**
 * Receives into `target`; gives the bytes received, 0 when the peer has ended its side.
 *
 * @kernel 5.6 IORING_OP_RECV
 * @man recv(2)
 */
export function recv(
  socket: FdLike | DirectFd,
  target: ArrayBufferView,
  options: ReceiveOptions = {},
): Operation<number> {
  const operation = new Operation(RECV, descriptor('socket', socket));
  operation.common(options, 'peek', 'waitAll', 'pollFirst');
  if (boolean('peek', options.peek ?? false)) operation.operationFlags |= MSG_PEEK;
  if (boolean('waitAll', options.waitAll ?? false)) operation.operationFlags |= MSG_WAITALL;
  if (boolean('pollFirst', options.pollFirst ?? false)) {
    operation.addPriority(IORING_RECVSEND_POLL_FIRST);
  }
  return operation.bytes('target', target, 'target');
}

/**
 * Receives all that comes, each time into a buffer that the kernel takes from `buffers`.
 *
 * Each completion gives a `Lease`, to be released by its receiver. It ends when the peer has ended
 * its side; without a free buffer it pauses until one is returned.
 *
 * @kernel 6.0 IORING_RECV_MULTISHOT; one by one on older kernels
 * @man recv(2), io_uring_enter(2)
 */
export function recvMultishot(
  socket: FdLike | DirectFd,
  options: CommonOptions & { buffers: BufferRing },
): MultishotOperation<Lease> {
  if (!(options?.buffers instanceof BufferRing)) {
    throw invalidType('options.buffers', 'a BufferRing', options?.buffers);
  }
  const operation = new MultishotOperation(RECV_MULTISHOT, descriptor('socket', socket));
  operation.common(options, 'buffers').select(options.buffers).addPriority(IORING_RECV_MULTISHOT);
  operation.endsAtZero = true;
  operation.lower = () => {
    operation.head &= ~(IORING_RECV_MULTISHOT << SQE_IOPRIO_SHIFT);
  };
  return operation;
}
