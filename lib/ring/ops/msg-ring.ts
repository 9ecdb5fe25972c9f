/** Sends messages and files to another ring. */
import {
  IORING_CQE_F_32,
  IORING_CQE_F_MORE,
  IORING_CQE_F_SKIP,
  IORING_FILE_INDEX_ALLOC,
  IORING_MSG_DATA,
  IORING_MSG_RING_CQE_SKIP,
  IORING_MSG_RING_FLAGS_PASS,
  IORING_MSG_SEND_FD,
  IORING_OP_MSG_RING,
  IORING_REGISTER_SEND_MSG_RING,
} from '../../abi.js';
import { check } from '../../errors.js';
import { DirectFd, descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { requireFeature } from '../../features.js';
import { native } from '../../native.js';
import { boolean, integer, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import { FILE_MESSAGE_LOW, MESSAGE_LOW } from '../mailbox.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import {
  SQE_ADDRESS_LOW,
  SQE_FD,
  SQE_HEAD,
  SQE_LENGTH,
  SQE_OFFSET_LOW,
  SQE_WORDS,
} from '../sqe.js';

const MSG_RING = kind<void>({
  name: 'msg_ring',
  code: IORING_OP_MSG_RING,
  since: '5.18',
  decode: nothing,
});

/** With flags that are passed on. */
const MSG_RING_FLAGS = kind<void>({
  name: 'msg_ring',
  code: IORING_OP_MSG_RING,
  since: '6.3',
  decode: nothing,
});
/** With a file. */
const MSG_RING_FD = kind<void>({
  name: 'msg_ring',
  code: IORING_OP_MSG_RING,
  since: '6.0',
  decode: nothing,
});

/** What is sent: the receiver gets it as a `RingMessage`. */
export interface MessageData {
  /** A whole number from 0 to 2^32 - 1. Default 0. */
  tag?: number;
  /** A whole number of 32 bits, signed. Default 0. */
  value?: number;
}

const UINT32_MAX = 2 ** 32 - 1;

function tagOf(tag: number | undefined): number {
  return integer('tag', tag ?? 0, 0, UINT32_MAX) | 0;
}

const wordOf = (value: number | undefined): number =>
  integer('value', value ?? 0, -(2 ** 31), 2 ** 31 - 1);

export interface MsgRingOptions extends CommonOptions {
  /**
   * Flags for the receiver's `message.flags` (IORING_MSG_RING_FLAGS_PASS, 6.3); those that say how
   * a completion is to be read cannot be passed.
   */
  flags?: number;
}

/**
 * Sends a message to the ring whose descriptor `target` is, of this thread or another one:
 * `asFd(number)` where the receiver has told its `ring.fd`. It wakes the receiver's loop, which
 * takes it by `ring.messages()` or `ring.onMessage`.
 *
 * The number must still be the ring's when this is submitted: tell senders before closing it.
 *
 * @errno EBADFD `target` is no ring, or one that has not been enabled
 * @errno EOVERFLOW the receiver's completion queue is full, and no memory was left
 * @kernel 5.18 IORING_OP_MSG_RING
 * @man io_uring_enter(2)
 */
export function msgRing(
  target: FdLike | DirectFd,
  message: MessageData,
  options: MsgRingOptions = {},
): Operation<void> {
  onlyKeys('message', message, ['tag', 'value']);
  const of = options?.flags === undefined ? MSG_RING : MSG_RING_FLAGS;
  const operation = new Operation(of, descriptor('target', target));
  operation.common(options, 'flags');
  operation.offsetLow = MESSAGE_LOW;
  operation.offsetHigh = tagOf(message.tag);
  operation.length = wordOf(message.value);
  operation.addressLow = IORING_MSG_DATA;
  if (options.flags === undefined) return operation;
  const flags = integer('flags', options.flags, 0, UINT32_MAX);
  if ((flags & (IORING_CQE_F_32 | IORING_CQE_F_MORE | IORING_CQE_F_SKIP)) !== 0) {
    throw invalidValue('flags', 'must be without IORING_CQE_F_MORE, F_SKIP and F_32', flags);
  }
  operation.operationFlags = IORING_MSG_RING_FLAGS_PASS;
  operation.fileIndex = flags | 0;
  return operation;
}

export interface MsgRingFdOptions extends CommonOptions {
  /** Default 0. */
  tag?: number;
  /**
   * The slot of the receiver's table, which it has reserved and told. Default: the kernel chooses a
   * free one, and the receiver gets it in its message.
   */
  slot?: number;
  /** With `slot`: the receiver gets no message (IORING_MSG_RING_CQE_SKIP). Default false. */
  silent?: boolean;
}

/**
 * Puts a file of this ring's table into the table of another ring. The receiver gets a message with
 * it, by `ring.messages({ files: true })` or `ring.onMessage`; the sender keeps its own.
 *
 * @errno ENFILE the receiver has no table of files, or no free slot in it
 * @errno EINVAL the receiver is the sender
 * @kernel 6.0 IORING_MSG_SEND_FD
 * @man io_uring_enter(2)
 */
export function msgRingFd(
  target: FdLike,
  file: DirectFd,
  options: MsgRingFdOptions = {},
): Operation<void> {
  const operation = new Operation(MSG_RING_FD, plainDescriptor('target', target));
  operation.common(options, 'tag', 'slot', 'silent');
  if (!(file instanceof DirectFd) || file.closed) {
    throw invalidType('file', 'an open DirectFd', file);
  }
  const silent = boolean('silent', options.silent ?? false);
  if (silent && options.slot === undefined) {
    throw invalidValue('silent', 'must be with a slot: nobody else would know it', true);
  }
  operation.others = [file];
  operation.addressLow = IORING_MSG_SEND_FD;
  operation.address3Low = file.fd;
  operation.offsetLow = options.slot === undefined ? FILE_MESSAGE_LOW : MESSAGE_LOW;
  operation.offsetHigh = tagOf(options.tag);
  if (options.slot === undefined) operation.fileIndex = IORING_FILE_INDEX_ALLOC | 0;
  else operation.fileIndex = integer('slot', options.slot, 0, 2 ** 20 - 1) + 1;
  if (silent) operation.operationFlags = IORING_MSG_RING_CQE_SKIP;
  return operation;
}

/**
 * Sends a message to a ring from a thread that has none, in one system call.
 *
 * @errno EBADFD `target` is no ring, or one that has not been enabled
 * @kernel 6.13 IORING_REGISTER_SEND_MSG_RING
 * @man io_uring_register(2)
 */
export function sendMsgRing(target: FdLike, message: MessageData): void {
  const { fd } = plainDescriptor('target', target);
  onlyKeys('message', message, ['tag', 'value']);
  requireFeature('register:SEND_MSG_RING');
  const words = new Int32Array(SQE_WORDS);
  words[SQE_HEAD] = IORING_OP_MSG_RING;
  words[SQE_FD] = fd;
  words[SQE_OFFSET_LOW] = MESSAGE_LOW;
  words[SQE_OFFSET_LOW + 1] = tagOf(message.tag);
  words[SQE_ADDRESS_LOW] = IORING_MSG_DATA;
  words[SQE_LENGTH] = wordOf(message.value);
  const opcode = IORING_REGISTER_SEND_MSG_RING;
  check(native.ioUringRegister(-1, opcode, words, 1), 'io_uring_register', {
    fd,
    facts: { opcode },
  });
}
