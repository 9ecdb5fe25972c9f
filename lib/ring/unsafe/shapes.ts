/**
 * What the address fields of each operation mean: memory of how many bytes, or a value. By this a
 * program can fill entries by hand and still name no memory that is not its own.
 */
import * as abi from '../../abi.js';

/** Not used; a plain value; or memory of at least so many bytes, plus so many for each `length`. */
export type Field = 'none' | 'value' | Memory;

export interface Memory {
  readonly bytes: number;
  readonly each: number;
}

export interface Shape {
  readonly address: Field;
  /** `off`, `addr2`, and their other names. */
  readonly offset: Field;
  readonly address3: Field;
  /** `fd` is a number that is no descriptor: a family, a process, flags. */
  readonly plainFd: boolean;
}

const memory = (bytes: number, each = 0): Memory => ({ bytes, each });
const BYTES = memory(0, 1);
/** Only read, up to its own end. */
const TEXT = memory(1);
const TIMESPEC = memory(16);
const MESSAGE = memory(56);
/** Written as far as its length says, which is in memory itself. */
const SOCKET_ADDRESS = memory(128);
const IOVECS = memory(0, 16);
const EVENT_BYTES = 12;

function shape(address: Field, offset: Field = 'none', address3: Field = 'none'): Shape {
  return { address, offset, address3, plainFd: false };
}

function plain(address: Field, offset: Field = 'none', address3: Field = 'none'): Shape {
  return { ...shape(address, offset, address3), plainFd: true };
}

/**
 * Without an entry: those that hand memory to the kernel for good, those of 128 bytes, and messages
 * filled by hand, which could be any completion of the ring they go to: push `op.msgRing`.
 */
export const SHAPES: Readonly<Record<number, Shape>> = {
  [abi.IORING_OP_NOP]: plain('none'),
  [abi.IORING_OP_READV]: shape(IOVECS, 'value'),
  [abi.IORING_OP_WRITEV]: shape(IOVECS, 'value'),
  [abi.IORING_OP_FSYNC]: shape('none', 'value'),
  [abi.IORING_OP_POLL_ADD]: shape('none'),
  [abi.IORING_OP_POLL_REMOVE]: plain('value', 'value'),
  [abi.IORING_OP_SYNC_FILE_RANGE]: shape('none', 'value'),
  [abi.IORING_OP_SENDMSG]: shape(MESSAGE),
  [abi.IORING_OP_RECVMSG]: shape(MESSAGE),
  [abi.IORING_OP_TIMEOUT]: plain(TIMESPEC, 'value'),
  [abi.IORING_OP_TIMEOUT_REMOVE]: plain('value', TIMESPEC),
  [abi.IORING_OP_ACCEPT]: shape(SOCKET_ADDRESS, memory(4)),
  [abi.IORING_OP_ASYNC_CANCEL]: shape('value'),
  [abi.IORING_OP_LINK_TIMEOUT]: plain(TIMESPEC, 'value'),
  [abi.IORING_OP_CONNECT]: shape(TEXT, 'value'),
  [abi.IORING_OP_FALLOCATE]: shape('value', 'value'),
  [abi.IORING_OP_OPENAT]: shape(TEXT),
  [abi.IORING_OP_CLOSE]: shape('none'),
  [abi.IORING_OP_STATX]: shape(TEXT, memory(256)),
  [abi.IORING_OP_READ]: shape(BYTES, 'value'),
  [abi.IORING_OP_WRITE]: shape(BYTES, 'value'),
  [abi.IORING_OP_FADVISE]: shape('value', 'value'),
  [abi.IORING_OP_MADVISE]: plain(BYTES),
  [abi.IORING_OP_SEND]: shape(BYTES, TEXT),
  [abi.IORING_OP_RECV]: shape(BYTES),
  [abi.IORING_OP_OPENAT2]: shape(TEXT, memory(24)),
  [abi.IORING_OP_EPOLL_CTL]: shape(memory(EVENT_BYTES), 'value'),
  [abi.IORING_OP_SPLICE]: shape('value', 'value'),
  [abi.IORING_OP_REMOVE_BUFFERS]: plain('none'),
  [abi.IORING_OP_TEE]: shape('none'),
  [abi.IORING_OP_SHUTDOWN]: shape('none'),
  [abi.IORING_OP_RENAMEAT]: shape(TEXT, TEXT),
  [abi.IORING_OP_UNLINKAT]: shape(TEXT),
  [abi.IORING_OP_MKDIRAT]: shape(TEXT),
  [abi.IORING_OP_SYMLINKAT]: shape(TEXT, TEXT),
  [abi.IORING_OP_LINKAT]: shape(TEXT, TEXT),
  [abi.IORING_OP_FSETXATTR]: shape(TEXT, BYTES),
  [abi.IORING_OP_SETXATTR]: plain(TEXT, BYTES, TEXT),
  [abi.IORING_OP_FGETXATTR]: shape(TEXT, BYTES),
  [abi.IORING_OP_GETXATTR]: plain(TEXT, BYTES, TEXT),
  [abi.IORING_OP_SOCKET]: plain('none', 'value'),
  [abi.IORING_OP_SEND_ZC]: shape(BYTES, TEXT),
  [abi.IORING_OP_SENDMSG_ZC]: shape(MESSAGE),
  [abi.IORING_OP_READ_MULTISHOT]: shape('none', 'value'),
  [abi.IORING_OP_WAITID]: plain('none', memory(128)),
  [abi.IORING_OP_FUTEX_WAIT]: plain(memory(4), 'value', 'value'),
  [abi.IORING_OP_FUTEX_WAKE]: plain(memory(4), 'value', 'value'),
  [abi.IORING_OP_FUTEX_WAITV]: plain(memory(0, 24)),
  [abi.IORING_OP_FTRUNCATE]: shape('none', 'value'),
  [abi.IORING_OP_BIND]: shape(TEXT, 'value'),
  [abi.IORING_OP_LISTEN]: shape('none'),
  [abi.IORING_OP_EPOLL_WAIT]: shape(memory(0, EVENT_BYTES)),
  [abi.IORING_OP_PIPE]: plain(memory(8)),
};
