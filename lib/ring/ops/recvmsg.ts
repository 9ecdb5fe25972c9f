/** Receives a message: bytes, the sender's address, and control messages. */
import {
  IORING_OP_RECVMSG,
  IORING_RECVSEND_POLL_FIRST,
  MSG_CMSG_CLOEXEC,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_WAITALL,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { ADDRESS_BYTES_MAX } from '../../socket/address.js';
import { boolean, integer } from '../../validate.js';
import { type CommonOptions, type FdVisitor, kind, Operation } from '../operation.js';
import type { Block } from '../staging.js';
import { decodeControl, eachControlFd } from './control-in.js';
import { align8 } from './control-out.js';
import { type FlagOptions, flagBits } from './flags.js';
import {
  addressIn,
  HEADER_BYTES,
  Message,
  type MessageLayout,
  type MessageParts,
  readHeader,
  viewOf,
  writeHeader,
} from './message.js';
import { Gathered } from './vectored.js';

const facts = {
  decode: (result: number, _flags: number, _operation: unknown, block: Block | undefined) =>
    new Message(partsIn(block as Block, result)),
};

const RECVMSG = kind<Message>({
  name: 'recvmsg',
  code: IORING_OP_RECVMSG,
  since: '5.3',
  ...facts,
});
/** Where there is room for control messages, there may be descriptors among them. */
const RECVMSG_CONTROL = kind<Message>({
  name: 'recvmsg',
  code: IORING_OP_RECVMSG,
  since: '5.3',
  yieldsFd: true,
  eachFd: (_operation, block, _flags, visit) => eachFdIn(block, visit),
  ...facts,
});

/** Options of every receive of messages. */
export interface MessageOptions extends CommonOptions {
  /** The sender's address is wanted. Default true. */
  address?: boolean;
  /**
   * Room for control messages, in bytes: for each 16 and its contents, in steps of 8. Default 0:
   * none are received, and files among them are closed by the kernel.
   */
  controlBytes?: number;
  /** IORING_RECVSEND_POLL_FIRST (5.19): do not try before data is announced. Default false. */
  pollFirst?: boolean;
}

const FLAGS = {
  peek: MSG_PEEK,
  waitAll: MSG_WAITALL,
  errorQueue: MSG_ERRQUEUE,
  outOfBand: MSG_OOB,
} as const;

/**
 * `peek` (MSG_PEEK) leaves what is received in the socket; `waitAll` (MSG_WAITALL) waits until all
 * memory is full; `errorQueue` (MSG_ERRQUEUE) takes from the queue of errors and timestamps;
 * `outOfBand` (MSG_OOB) takes urgent data. Each is false by default.
 */
export type RecvmsgOptions = MessageOptions & FlagOptions<typeof FLAGS>;

export const MESSAGE_KEYS: readonly string[] = ['address', 'controlBytes', 'pollFirst'];
const CONTROL_BYTES_MAX = 65_536;

/** What comes before the iovecs has its place, whether it is wanted or not. */
const NAME_OFFSET = HEADER_BYTES;
const CONTROL_OFFSET = NAME_OFFSET + ADDRESS_BYTES_MAX;

/**
 * Receives one message into `targets`, in their order; gives its length, its sender's address, and
 * what came beside it.
 *
 * A message is not `using`d unless its descriptors are to be closed with it: see `Message`.
 *
 * @errno ENOTCONN a stream that is not connected
 * @errno EAGAIN nothing is in the error queue
 * @kernel 5.3 IORING_OP_RECVMSG
 * @man recvmsg(2), cmsg(3), unix(7), udp(7)
 */
export function recvmsg(
  socket: FdLike | DirectFd,
  targets: ArrayBufferView | readonly ArrayBufferView[],
  options: RecvmsgOptions = {},
): Operation<Message> {
  const { nameBytes, controlBytes } = roomOf(options);
  const of = controlBytes > 0 ? RECVMSG_CONTROL : RECVMSG;
  const operation = new Operation(of, descriptor('socket', socket));
  operation.common(options, ...MESSAGE_KEYS, ...Object.keys(FLAGS));
  operation.operationFlags = flagBits(FLAGS, options) | MSG_CMSG_CLOEXEC;
  operation.addPriority(priorityOf(options));
  const gathered = new Gathered('targets', Array.isArray(targets) ? targets : [targets]);
  gathered.give(operation, 'target');
  const layout = layoutOf(nameBytes, controlBytes, gathered.parts.length);
  return operation.arguments(layout.iovecs + gathered.iovecBytes, (self, block) => {
    writeHeader(block, layout);
    gathered.write(block, layout.iovecs);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = 1;
  });
}

/** How much room is wanted for the address and for control messages. */
export function roomOf(options: MessageOptions): { nameBytes: number; controlBytes: number } {
  const wanted = integer('controlBytes', options?.controlBytes ?? 0, 0, CONTROL_BYTES_MAX);
  return {
    nameBytes: boolean('address', options?.address ?? true) ? ADDRESS_BYTES_MAX : 0,
    controlBytes: align8(wanted),
  };
}

export function priorityOf(options: MessageOptions): number {
  return boolean('pollFirst', options.pollFirst ?? false) ? IORING_RECVSEND_POLL_FIRST : 0;
}

export function layoutOf(
  nameBytes: number,
  controlBytes: number,
  iovecCount: number,
): MessageLayout {
  return {
    name: NAME_OFFSET,
    nameBytes,
    control: CONTROL_OFFSET,
    controlBytes,
    iovecs: CONTROL_OFFSET + controlBytes,
    iovecCount,
  };
}

/** The parts of a message whose header is in front of the block. */
export function partsIn(block: Block, byteCount: number): MessageParts {
  const { nameBytes, controlBytes, flags } = readHeader(block);
  return {
    byteCount,
    control: decodeControl(viewOf(block.bytes), CONTROL_OFFSET, controlBytes),
    address: addressIn(block.bytes.subarray(NAME_OFFSET, NAME_OFFSET + nameBytes)),
    flags,
  };
}

export function eachFdIn(block: Block, visit: FdVisitor): void {
  eachControlFd(viewOf(block.bytes), CONTROL_OFFSET, readHeader(block).controlBytes, visit);
}
