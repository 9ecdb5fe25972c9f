/** A command of up to 80 bytes to a file's own driver. */
import { IORING_OP_URING_CMD128 } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { bytesView, integer, invalidValue } from '../../validate.js';
import { asBytes, byteCount, type CommonOptions, kind, Operation } from '../operation.js';

const URING_CMD128 = kind<number>({
  name: 'uring_cmd128',
  code: IORING_OP_URING_CMD128,
  since: '6.19',
  wide: true,
  decode: byteCount,
});

/** What is behind the first 48 bytes of an entry of 128. */
const COMMAND_BYTES = 80;

/**
 * Gives command number `number` with these bytes to the driver of `fd`, such as NVMe's, on a ring
 * made with `sqe128`; gives what the driver answers.
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
  const operation = new Operation(URING_CMD128, descriptor('fd', fd)).common(options);
  operation.offsetLow = integer('number', number, 0, 2 ** 32 - 1) | 0;
  const bytes = asBytes(bytesView('command', command));
  if (bytes.length > COMMAND_BYTES) {
    throw invalidValue('command', `must be at most ${COMMAND_BYTES} bytes`, command);
  }
  operation.command = new Int32Array(COMMAND_BYTES / 4);
  new Uint8Array(operation.command.buffer).set(bytes);
  return operation.arguments(0, () => undefined);
}
