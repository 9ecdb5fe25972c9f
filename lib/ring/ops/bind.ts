/** Gives a socket its address. */
import { IORING_OP_BIND } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { addressDetail, encodeAddress, type SocketAddress } from '../../socket/address.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const BIND = kind<void>({ name: 'bind', code: IORING_OP_BIND, since: '6.11', decode: nothing });

/**
 * Binds `socket` to an address: `{ host, port }` with a numeric host, or `{ path }`. Port 0 lets
 * the kernel pick one; `addressOf` tells which.
 *
 * @errno EADDRINUSE another socket has the port, or the path is there already
 * @errno EACCES ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE
 * @kernel 6.11 IORING_OP_BIND
 * @man bind(2)
 */
export function bind(
  socket: FdLike | DirectFd,
  address: SocketAddress,
  options: CommonOptions = {},
): Operation<void> {
  const { bytes } = encodeAddress('address', address);
  const operation = new Operation(BIND, descriptor('socket', socket)).common(options);
  operation.about = addressDetail(address);
  // The length of the address goes where others have the file offset.
  operation.offsetLow = bytes.length;
  return operation.arguments(bytes.length, (self, block) => {
    block.bytes.set(bytes);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
  });
}
