/** Any command to a file's own driver, such as NVMe's. */
import { IORING_OP_URING_CMD, IORING_OP_URING_CMD128 } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { bytesView, integer, invalidValue } from '../../validate.js';
import {
  asBytes,
  byteCount,
  type CommonOptions,
  kind,
  Operation,
  type OperationKind,
} from '../operation.js';

const URING_CMD = kind<number>({
  name: 'uring_cmd',
  code: IORING_OP_URING_CMD,
  since: '5.19',
  decode: byteCount,
});
/** The same, where its command needs an entry of 128 bytes. */
const LONG_URING_CMD: OperationKind<number> = { ...URING_CMD, wide: true };
const URING_CMD128 = kind<number>({
  name: 'uring_cmd128',
  code: IORING_OP_URING_CMD128,
  since: '6.19',
  wide: true,
  decode: byteCount,
});

/** What is behind the first 48 bytes of an entry of 64. */
const SHORT_BYTES = 16;
/** And of one of 128. */
const LONG_BYTES = 80;

/**
 * Gives command number `number` with these bytes to the driver of `fd`; gives what the driver
 * answers. More than 16 bytes, and up to 80, need a ring made with `sqe128`: NVMe's passthrough
 * (NVME_URING_CMD_IO, 72 bytes) does.
 *
 * Unsafe: the bytes may hold addresses, which nobody checks, and nobody keeps mapped.
 *
 * @errno EOPNOTSUPP the file has no such commands
 * @kernel 5.19 IORING_OP_URING_CMD
 * @man io_uring_enter(2)
 */
export function unsafeUringCmd(
  fd: FdLike | DirectFd,
  number: number,
  command: ArrayBufferView,
  options: CommonOptions = {},
): Operation<number> {
  const bytes = commandBytes(command);
  if (bytes.length > SHORT_BYTES) return longCommand(LONG_URING_CMD, fd, number, bytes, options);
  const words = new Int32Array(SHORT_BYTES / 4);
  new Uint8Array(words.buffer).set(bytes);
  const operation = anyCommand(URING_CMD, fd, number, options);
  [operation.address3Low, operation.address3High, operation.lastLow, operation.lastHigh] =
    words as unknown as [number, number, number, number];
  return operation;
}

/**
 * As `unsafeUringCmd`, by the operation that says of itself that its entry has 128 bytes, on a ring
 * made with `sqe128`.
 *
 * Unsafe: the bytes may hold addresses, which nobody checks, and nobody keeps mapped.
 *
 * @errno EOPNOTSUPP the file has no such commands
 * @kernel 6.19 IORING_OP_URING_CMD128
 * @man io_uring_enter(2)
 */
export function unsafeUringCmd128(
  fd: FdLike | DirectFd,
  number: number,
  command: ArrayBufferView,
  options: CommonOptions = {},
): Operation<number> {
  return longCommand(URING_CMD128, fd, number, commandBytes(command), options);
}

function commandBytes(command: unknown): Uint8Array {
  const bytes = asBytes(bytesView('command', command));
  if (bytes.length > LONG_BYTES) {
    throw invalidValue('command', `must be at most ${LONG_BYTES} bytes`, command);
  }
  return bytes;
}

function longCommand(
  of: OperationKind<number>,
  fd: FdLike | DirectFd,
  number: number,
  bytes: Uint8Array,
  options: CommonOptions,
): Operation<number> {
  const operation = anyCommand(of, fd, number, options);
  operation.command = new Int32Array(LONG_BYTES / 4);
  new Uint8Array(operation.command.buffer).set(bytes);
  return operation;
}

function anyCommand(
  of: OperationKind<number>,
  fd: FdLike | DirectFd,
  number: number,
  options: CommonOptions,
): Operation<number> {
  const operation = new Operation(of, descriptor('fd', fd)).common(options);
  operation.offsetLow = integer('number', number, 0, 2 ** 32 - 1) | 0;
  // The bytes may name any memory: `RawRing` takes only what names none but a Mapping's.
  return operation.arguments(0, () => undefined);
}
