/** Commands to a file's own driver: those of sockets, as typed operations, and any other. */
import {
  IORING_OP_URING_CMD,
  SOCKET_URING_OP_GETSOCKNAME,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { ADDRESS_BYTES_MAX, decodeAddress, type SocketAddress } from '../../socket/address.js';
import { boolean, integer } from '../../validate.js';
import {
  byteCount,
  type CommonOptions,
  kind,
  nothing,
  Operation,
  type OperationKind,
} from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';
import {
  type SocketLevel,
  type SocketOption,
  socketOption,
  socketOptionBytes,
} from './socket-option.js';

const URING_CMD = kind<number>({
  name: 'uring_cmd',
  code: IORING_OP_URING_CMD,
  since: '5.19',
  decode: byteCount,
});

const GETSOCKOPT = kind<Uint8Array>({
  name: 'uring_cmd',
  code: IORING_OP_URING_CMD,
  since: '6.7',
  decode: (result, _flags, _operation, block) => (block as Block).bytes.slice(0, result),
});
const SETSOCKOPT = kind<void>({
  name: 'uring_cmd',
  code: IORING_OP_URING_CMD,
  since: '6.7',
  decode: nothing,
});
const GETSOCKNAME = kind<SocketAddress>({
  name: 'uring_cmd',
  code: IORING_OP_URING_CMD,
  since: '6.19',
  decode: (_result, _flags, _operation, block) => nameFrom(block as Block),
});

function socketCommand<Result>(
  of: OperationKind<Result>,
  socket: FdLike | DirectFd,
  command: number,
): Operation<Result> {
  const operation = new Operation(of, descriptor('socket', socket));
  // The command goes where others have the file offset.
  operation.offsetLow = command;
  return operation;
}

/**
 * Bytes that wait to be received: for a datagram socket, those of the next one.
 *
 * @errno EOPNOTSUPP not a socket with such a count
 * @kernel 6.7 SOCKET_URING_OP_SIOCINQ
 * @man tcp(7), udp(7)
 */
export function siocinq(socket: FdLike | DirectFd, options: CommonOptions = {}): Operation<number> {
  return socketCommand(URING_CMD, socket, SOCKET_URING_OP_SIOCINQ).common(options);
}

/**
 * Bytes that have been sent and not yet acknowledged, or not yet read by a local peer.
 *
 * @errno EOPNOTSUPP not a socket with such a count
 * @kernel 6.7 SOCKET_URING_OP_SIOCOUTQ
 * @man tcp(7), udp(7)
 */
export function siocoutq(
  socket: FdLike | DirectFd,
  options: CommonOptions = {},
): Operation<number> {
  return socketCommand(URING_CMD, socket, SOCKET_URING_OP_SIOCOUTQ).common(options);
}

export interface GetsockoptOptions extends CommonOptions {
  /** Room for the value, in bytes. Default 4: most are an int. */
  length?: number;
}

/** More than any option has. */
const OPTION_BYTES_MAX = 65_536;

/**
 * The value of a socket option, as its bytes: for most an int, `new Int32Array(bytes.buffer)[0]`.
 * Works on a `DirectFd`, which getsockopt(2) cannot.
 *
 * @errno EOPNOTSUPP a level other than 'socket': the kernel answers for that one only
 * @errno ENOPROTOOPT no such option
 * @kernel 6.7 SOCKET_URING_OP_GETSOCKOPT
 * @man getsockopt(2), socket(7)
 */
export function getsockopt<Level extends SocketLevel>(
  socket: FdLike | DirectFd,
  level: Level,
  name: SocketOption<Level>,
  options: GetsockoptOptions = {},
): Operation<Uint8Array> {
  const operation = socketCommand(GETSOCKOPT, socket, SOCKET_URING_OP_GETSOCKOPT);
  const chosen = socketOption(level, name);
  const length = integer('length', options.length ?? 4, 1, OPTION_BYTES_MAX);
  operation.common(options, 'length');
  return operation.arguments(length, (self, block) => {
    block.bytes.fill(0, 0, length);
    putOption(self, block, chosen, length);
  });
}

/**
 * Sets a socket option to an int (`true` is 1), or to the bytes of its structure. Works on a
 * `DirectFd`, which setsockopt(2) cannot.
 *
 * @errno ENOPROTOOPT no such option
 * @errno EINVAL a value that it does not take
 * @kernel 6.7 SOCKET_URING_OP_SETSOCKOPT
 * @man setsockopt(2), socket(7), tcp(7), ip(7)
 */
export function setsockopt<Level extends SocketLevel>(
  socket: FdLike | DirectFd,
  level: Level,
  name: SocketOption<Level>,
  value: number | boolean | ArrayBufferView,
  options: CommonOptions = {},
): Operation<void> {
  const operation = socketCommand(SETSOCKOPT, socket, SOCKET_URING_OP_SETSOCKOPT).common(options);
  const chosen = socketOption(level, name);
  const bytes = socketOptionBytes('value', value);
  return operation.arguments(Math.max(bytes.length, 1), (self, block) => {
    block.bytes.set(bytes);
    putOption(self, block, chosen, bytes.length);
  });
}

function putOption(
  operation: Operation<unknown>,
  block: Block,
  { level, name }: { level: number; name: number },
  length: number,
): void {
  operation.addressLow = level;
  operation.addressHigh = name;
  operation.fileIndex = length;
  operation.address3Low = block.addressLow;
  operation.address3High = block.addressHigh;
}

export interface GetsocknameOptions extends CommonOptions {
  /** The address at the other end. Default false. */
  peer?: boolean;
}

/** An int in front of the address, where the kernel answers the length. */
const NAME_OFFSET = 8;

/**
 * The address that a socket is bound to, or with `peer` the one that it is connected to. Works on a
 * `DirectFd`, which getsockname(2) cannot.
 *
 * @errno EOPNOTSUPP the kernel is older than 6.19
 * @errno ENOTCONN `peer` of a socket without one
 * @kernel 6.19 SOCKET_URING_OP_GETSOCKNAME
 * @man getsockname(2), getpeername(2)
 */
export function getsockname(
  socket: FdLike | DirectFd,
  options: GetsocknameOptions = {},
): Operation<SocketAddress> {
  const operation = socketCommand(GETSOCKNAME, socket, SOCKET_URING_OP_GETSOCKNAME);
  operation.common(options, 'peer');
  operation.fileIndex = boolean('peer', options.peer ?? false) ? 1 : 0;
  return operation.arguments(NAME_OFFSET + ADDRESS_BYTES_MAX, (self, block) => {
    block.words[0] = ADDRESS_BYTES_MAX;
    const low = (block.addressLow >>> 0) + NAME_OFFSET;
    self.addressLow = low | 0;
    self.addressHigh = block.addressHigh + highWord(low);
    self.address3Low = block.addressLow;
    self.address3High = block.addressHigh;
  });
}

function nameFrom({ bytes, words }: Block): SocketAddress {
  const length = words[0] as number;
  return decodeAddress(bytes.subarray(NAME_OFFSET, NAME_OFFSET + length));
}
