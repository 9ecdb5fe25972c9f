/** A socket for datagrams, made with plain calls. */
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, OwnedFd, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { addressDetail, encodeAddress, type SocketAddress } from './address.js';

/**
 * A datagram socket of a family, close-on-exec and non-blocking.
 *
 * @man socket(2), udp(7), unix(7)
 */
export function openDatagramSocket(family: number): OwnedFd {
  const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  return OwnedFd.adopt(check(native.socket(family, type, 0), 'socket'));
}

/**
 * Chooses the one address that a datagram socket sends to and receives from.
 *
 * @errno ENETUNREACH there is no way to it
 * @errno ECONNREFUSED no Unix socket listens there any more
 * @errno EACCES a broadcast address needs `broadcast`
 * @man connect(2)
 */
export function connectDatagramSocket(socket: FdLike, address: SocketAddress): void {
  const { fd } = plainDescriptor('socket', socket);
  const { bytes } = encodeAddress('address', address);
  check(native.connect(fd, bytes), 'connect', { fd, ...addressDetail(address) });
}

/**
 * A Unix socket without a name cannot be answered: the kernel gives it one of its own (autobind).
 *
 * @man unix(7)
 */
export function nameUnixSocket(socket: FdLike): void {
  const { fd } = plainDescriptor('socket', socket);
  check(native.bind(fd, Uint8Array.of(AF_UNIX, 0)), 'bind', { fd });
}
