/** Sends on a socket. */
import {
  IORING_OP_SEND,
  IORING_RECVSEND_POLL_FIRST,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_WAITALL,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { boolean } from '../../validate.js';
import { byteCount, type CommonOptions, kind, Operation } from '../operation.js';

const SEND = kind<number>({ name: 'send', code: IORING_OP_SEND, since: '5.6', decode: byteCount });

export interface SendOptions extends CommonOptions {
  /** MSG_WAITALL (5.19): the kernel goes on by itself until all is sent. Default false. */
  waitAll?: boolean;
  /** MSG_MORE: more follows at once, so do not send a part-filled packet. Default false. */
  more?: boolean;
  /** IORING_RECVSEND_POLL_FIRST (5.19): do not try before there is room. Default false. */
  pollFirst?: boolean;
}

/**
 * Sends `source`; gives the bytes sent, which may be fewer. A closed peer is EPIPE, never a signal.
 *
 * @kernel 5.6 IORING_OP_SEND
 * @man send(2)
 */
export function send(
  socket: FdLike | DirectFd,
  source: ArrayBufferView,
  options: SendOptions = {},
): Operation<number> {
  const operation = new Operation(SEND, descriptor('socket', socket));
  operation.common(options, 'waitAll', 'more', 'pollFirst');
  operation.operationFlags = MSG_NOSIGNAL;
  if (boolean('waitAll', options.waitAll ?? false)) operation.operationFlags |= MSG_WAITALL;
  if (boolean('more', options.more ?? false)) operation.operationFlags |= MSG_MORE;
  if (boolean('pollFirst', options.pollFirst ?? false)) {
    operation.addPriority(IORING_RECVSEND_POLL_FIRST);
  }
  return operation.bytes('source', source, 'source');
}
