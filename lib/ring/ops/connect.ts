/** Connects a socket. */
import { IORING_OP_CONNECT } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { addressDetail, encodeOnce, type SocketAddress } from '../../socket/address.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const CONNECT = kind<void>({
  name: 'connect',
  code: IORING_OP_CONNECT,
  since: '5.5',
  decode: nothing,
});

/**
 * Connects `socket` to an address: `{ host, port }` with a numeric host, or `{ path }`.
 *
 * @errno ECONNREFUSED nobody listens there
 * @kernel 5.5 IORING_OP_CONNECT
 * @man connect(2)
 */
export function connect(
  socket: FdLike | DirectFd,
  address: SocketAddress,
  options: CommonOptions = {},
): Operation<void> {
  const { bytes } = encodeOnce('address', address);
  const operation = new Operation(CONNECT, descriptor('socket', socket)).common(options);
  operation.about = addressDetail(address);
  // The length of the address goes where others have the file offset.
  operation.offsetLow = bytes.length;
  return operation.arguments(bytes.length, (self, block) => {
    block.bytes.set(bytes);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
  });
}
