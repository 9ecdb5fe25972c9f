/** Receives every message that comes, each into a buffer of a pool. */
import {
  IORING_OP_RECVMSG,
  IORING_RECV_MULTISHOT,
  MSG_CMSG_CLOEXEC,
  MSG_TRUNC,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
} from '../../abi.js';
import { type Descriptor, type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { native } from '../../native.js';
import { invalidType, invalidValue } from '../../validate.js';
import { BufferRing } from '../buffer-ring.js';
import { bufferId, hasMore } from '../cqe.js';
import { type FdVisitor, kind, MultishotOperation, type Operation } from '../operation.js';
import { SQE_IOPRIO_SHIFT } from '../sqe.js';
import type { Block } from '../staging.js';
import { decodeControl, eachControlFd } from './control-in.js';
import { addressIn, LeasedMessage, viewOf, writeHeader } from './message.js';
import {
  eachFdIn,
  layoutOf,
  MESSAGE_KEYS,
  type MessageOptions,
  partsIn,
  priorityOf,
  roomOf,
} from './recvmsg.js';

/** `struct io_uring_recvmsg_out`: lengths of address, control messages and bytes, then flags. */
const OUT_BYTES = 16;
const OUT_NAME = 0;
const OUT_CONTROL = 4;
const OUT_FLAGS = 12;

const facts = {
  decode: (result: number, flags: number, operation: Operation<LeasedMessage>, block?: Block) =>
    (operation as RecvmsgMultishot).message(result, flags, block),
};
const RECVMSG_MULTISHOT = kind<LeasedMessage>({
  name: 'recvmsg',
  code: IORING_OP_RECVMSG,
  since: '6.0',
  ...facts,
});
const RECVMSG_MULTISHOT_CONTROL = kind<LeasedMessage>({
  name: 'recvmsg',
  code: IORING_OP_RECVMSG,
  since: '6.0',
  yieldsFd: true,
  eachFd: (operation, block, flags, visit) =>
    (operation as RecvmsgMultishot).eachFd(flags, block, visit),
  ...facts,
});

/**
 * A receive whose buffers begin with what `struct io_uring_recvmsg_out` says, the sender's address
 * and the control messages; the bytes come behind them, at `prefixBytes`.
 */
export class RecvmsgMultishot extends MultishotOperation<LeasedMessage> {
  readonly nameBytes: number;
  readonly controlBytes: number;

  /** @internal */
  constructor(
    target: Descriptor,
    nameBytes: number,
    controlBytes: number,
    files = controlBytes > 0,
  ) {
    super(files ? RECVMSG_MULTISHOT_CONTROL : RECVMSG_MULTISHOT, target);
    this.nameBytes = nameBytes;
    this.controlBytes = controlBytes;
    this.addPriority(IORING_RECV_MULTISHOT).inBuffers = true;
    this.lower = () => {
      this.inBuffers = false;
      this.head &= ~(IORING_RECV_MULTISHOT << SQE_IOPRIO_SHIFT);
    };
  }

  /** Where the bytes of a message begin in its buffer. */
  get prefixBytes(): number {
    return this.inBuffers ? OUT_BYTES + this.nameBytes + this.controlBytes : 0;
  }

  /** @internal Writes the header: address and control messages go there only when lowered. */
  write(block: Block): void {
    const layout = layoutOf(this.nameBytes, this.controlBytes, 0);
    writeHeader(block, layout, !this.inBuffers);
    this.addressLow = block.addressLow;
    this.addressHigh = block.addressHigh;
    this.length = 1;
  }

  /** @internal */
  message(result: number, flags: number, block: Block | undefined): LeasedMessage {
    const lease = (this.bufferRing as BufferRing).leaseOf(flags, result, this.site);
    const prefix = this.prefixBytes;
    if (!this.inBuffers) return new LeasedMessage(partsIn(block as Block, result), lease, 0);
    const bytes = lease.peek();
    const view = viewOf(bytes);
    const nameBytes = Math.min(view.getUint32(OUT_NAME, true), this.nameBytes);
    return new LeasedMessage(
      {
        byteCount: result - prefix,
        control: decodeControl(view, OUT_BYTES + this.nameBytes, this.#controlIn(view)),
        address: addressIn(bytes.subarray(OUT_BYTES, OUT_BYTES + nameBytes)),
        flags: view.getUint32(OUT_FLAGS, true),
      },
      lease,
      prefix,
    );
  }

  /** @internal */
  eachFd(flags: number, block: Block, visit: FdVisitor): void {
    const id = bufferId(flags);
    if (!this.inBuffers) eachFdIn(block, visit);
    else if (id >= 0) {
      const view = viewOf((this.bufferRing as BufferRing).bytes(id));
      eachControlFd(view, OUT_BYTES + this.nameBytes, this.#controlIn(view), visit);
    }
  }

  /**
   * A stream that its peer has ended gives empty messages without end; an empty datagram is one of
   * many.
   */
  override ends(result: number, flags: number): boolean {
    if (result > this.prefixBytes || hasMore(flags)) return false;
    const type = new Int32Array(1);
    const socket = this.descriptor as Descriptor;
    if (!socket.direct) native.getsockopt(socket.fd, SOL_SOCKET, SO_TYPE, type);
    return type[0] !== SOCK_DGRAM && type[0] !== SOCK_RAW;
  }

  #controlIn(view: DataView): number {
    return Math.min(view.getUint32(OUT_CONTROL, true), this.controlBytes);
  }
}

export interface RecvmsgMultishotOptions extends MessageOptions {
  /** Where the messages go. */
  buffers: BufferRing;
}

/**
 * Receives all messages that come, each time into a buffer that the kernel takes from `buffers`.
 * One of 16 bytes, the room for an address (128 bytes unless `address` is false) and the room for
 * control messages lies in front of the bytes in each buffer.
 *
 * Each completion gives a `LeasedMessage`, to be released by its receiver. Without a free buffer it
 * pauses until one is returned; datagrams then wait in the socket, as far as it has room.
 *
 * @kernel 6.0 IORING_RECV_MULTISHOT; one by one on older kernels
 * @man recvmsg(2), io_uring_enter(2)
 */
export function recvmsgMultishot(
  socket: FdLike | DirectFd,
  options: RecvmsgMultishotOptions,
): RecvmsgMultishot {
  if (!(options?.buffers instanceof BufferRing)) {
    throw invalidType('options.buffers', 'a BufferRing', options?.buffers);
  }
  const { nameBytes, controlBytes } = roomOf(options);
  const operation = new RecvmsgMultishot(descriptor('socket', socket), nameBytes, controlBytes);
  operation.common(options, ...MESSAGE_KEYS, 'buffers').addPriority(priorityOf(options));
  // The kernel answers EFAULT when what is left of a buffer cannot hold the parts in front.
  if (options.buffers.incremental) {
    throw invalidValue('options.buffers', 'must not be incremental', options.buffers);
  }
  if (options.buffers.size <= operation.prefixBytes) {
    const words = `must have buffers of more than ${operation.prefixBytes} bytes`;
    throw invalidValue('options.buffers', words, options.buffers.size);
  }
  operation.operationFlags = MSG_CMSG_CLOEXEC;
  return complete(operation, options.buffers);
}

/**
 * @internal Datagrams, for one who reads the buffers itself: no files can be among them, and what
 * is cut off is told (MSG_TRUNC) by the length in front.
 *
 * @kernel 6.0 IORING_RECV_MULTISHOT
 * @man recvmsg(2), udp(7)
 */
export function receiveDatagrams(
  socket: FdLike,
  buffers: BufferRing,
  room: { readonly nameBytes: number; readonly controlBytes: number },
): RecvmsgMultishot {
  const target = descriptor('socket', socket);
  const operation = new RecvmsgMultishot(target, room.nameBytes, room.controlBytes, false);
  operation.operationFlags = MSG_TRUNC;
  return complete(operation, buffers);
}

function complete(operation: RecvmsgMultishot, buffers: BufferRing): RecvmsgMultishot {
  operation.select(buffers);
  const { iovecs } = layoutOf(operation.nameBytes, operation.controlBytes, 0);
  operation.arguments(iovecs, (_self, block) => operation.write(block));
  return operation;
}
