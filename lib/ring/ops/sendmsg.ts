/** Sends a message: bytes of several pieces, an address, and control messages. */
import { IORING_OP_SENDMSG, IORING_OP_SENDMSG_ZC, MSG_NOSIGNAL } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { addressDetail, encodeAddress } from '../../socket/address.js';
import { byteCount, kind, Operation, type OperationKind } from '../operation.js';
import { type ZeroCopySend, zeroCopyKind } from '../zero-copy.js';
import { align8, encodeControl, type SendControl } from './control-out.js';
import { HEADER_BYTES, type MessageLayout, writeHeader } from './message.js';
import {
  SEND_KEYS,
  type SendOptions,
  sendFlags,
  type ZeroCopyOptions,
  zeroCopyFlags,
} from './send-options.js';
import { Gathered } from './vectored.js';

const SENDMSG = kind<number>({
  name: 'sendmsg',
  code: IORING_OP_SENDMSG,
  since: '5.3',
  decode: byteCount,
});

const SENDMSG_ZC = kind<ZeroCopySend>({
  name: 'sendmsg_zc',
  code: IORING_OP_SENDMSG_ZC,
  since: '6.1',
  ...zeroCopyKind,
});

export interface SendmsgOptions extends SendOptions {
  /** What goes beside the bytes. */
  control?: SendControl;
}

type Sources = ArrayBufferView | readonly ArrayBufferView[];

/**
 * Sends `sources` as one message; gives the bytes sent, which may be fewer on a stream.
 *
 * Files in `control.rights` must stay open until then; the peer gets descriptors of its own.
 *
 * @errno EMSGSIZE more than a datagram of this socket can be
 * @errno EPERM `control.credentials` of somebody else
 * @errno ENOBUFS more control messages than net.core.optmem_max
 * @kernel 5.3 IORING_OP_SENDMSG
 * @man sendmsg(2), cmsg(3), unix(7), udp(7)
 */
export function sendmsg(
  socket: FdLike | DirectFd,
  sources: Sources,
  options: SendmsgOptions = {},
): Operation<number> {
  return message(SENDMSG, socket, sources, options, [...SEND_KEYS, 'control']);
}

/**
 * As `sendmsg`, out of the memory itself: see `sendZc`. At most 17 pieces go without a copy.
 *
 * @kernel 6.1 IORING_OP_SENDMSG_ZC
 * @man sendmsg(2), io_uring_enter(2)
 */
export function sendmsgZc(
  socket: FdLike | DirectFd,
  sources: Sources,
  options: SendmsgOptions & ZeroCopyOptions = {},
): Operation<ZeroCopySend> {
  const keys = [...SEND_KEYS, 'control', 'reportUsage'];
  const operation = message(SENDMSG_ZC, socket, sources, options, keys);
  return operation.addPriority(zeroCopyFlags(options));
}

function message<Result>(
  of: OperationKind<Result>,
  socket: FdLike | DirectFd,
  sources: Sources,
  options: SendmsgOptions,
  keys: readonly string[],
): Operation<Result> {
  const operation = new Operation(of, descriptor('socket', socket)).common(options, ...keys);
  const { flags, priority } = sendFlags(options);
  operation.operationFlags = flags | MSG_NOSIGNAL;
  operation.addPriority(priority);
  const gathered = new Gathered('sources', Array.isArray(sources) ? sources : [sources]);
  gathered.give(operation, 'source');
  const address = options.to && encodeAddress('to', options.to).bytes;
  if (options.to !== undefined) operation.about = addressDetail(options.to);
  const control = encodeControl('control', options.control);
  if (control.files.length > 0) operation.others = control.files;
  const layout = layoutOf(address?.length ?? 0, control.bytes.length, gathered.parts.length);
  const size = layout.iovecs + gathered.iovecBytes;
  return operation.arguments(size, (self, block) => {
    writeHeader(block, layout);
    if (address !== undefined) block.bytes.set(address, layout.name);
    block.bytes.set(control.bytes, layout.control);
    gathered.write(block, layout.iovecs);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = 1;
  });
}

function layoutOf(nameBytes: number, controlBytes: number, iovecCount: number): MessageLayout {
  const control = HEADER_BYTES + align8(nameBytes);
  const iovecs = control + align8(controlBytes);
  return { name: HEADER_BYTES, nameBytes, control, controlBytes, iovecs, iovecCount };
}
