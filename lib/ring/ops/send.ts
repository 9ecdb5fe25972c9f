/** Sends on a socket. */
import { IORING_OP_SEND, MSG_NOSIGNAL } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { addressDetail, encodeAddress } from '../../socket/address.js';
import { byteCount, kind, Operation, type OperationKind } from '../operation.js';
import { SEND_KEYS, type SendOptions, sendFlags } from './send-options.js';

const SEND = kind<number>({ name: 'send', code: IORING_OP_SEND, since: '5.6', decode: byteCount });

/**
 * Sends `source`; gives the bytes sent, which may be fewer. A closed peer is EPIPE, never a signal.
 *
 * @errno EMSGSIZE more than a datagram of this socket can be
 * @errno EDESTADDRREQ a socket that is not connected needs `to`
 * @kernel 5.6 IORING_OP_SEND; 6.0 with `to`
 * @man send(2), sendto(2)
 */
export function send(
  socket: FdLike | DirectFd,
  source: ArrayBufferView,
  options: SendOptions = {},
): Operation<number> {
  const operation = sending(SEND, socket, options, SEND_KEYS);
  return operation.bytes('source', source, 'source');
}

/**
 * All of an operation that sends one piece, but the piece itself.
 *
 * @kernel 5.6
 * @man sendto(2)
 */
export function sending<Result>(
  of: OperationKind<Result>,
  socket: FdLike | DirectFd,
  options: SendOptions,
  keys: readonly string[],
): Operation<Result> {
  const operation = new Operation(of, descriptor('socket', socket)).common(options, ...keys);
  const { flags, priority } = sendFlags(options);
  operation.operationFlags = flags | MSG_NOSIGNAL;
  operation.addPriority(priority);
  const { to } = options;
  if (to === undefined) return operation;
  const { bytes } = encodeAddress('to', to);
  operation.about = addressDetail(to);
  operation.fileIndex = bytes.length;
  return operation.arguments(bytes.length, (self, block) => {
    block.bytes.set(bytes);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
  });
}
