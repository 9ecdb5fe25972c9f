/** A listening socket, made with plain calls; a ring accepts on it. */
import {
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SHUT_RD,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_NODELAY,
} from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, OwnedFd, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { boolean, integer, invalidValue, onlyKeys } from '../validate.js';
import { ADDRESS_BYTES_MAX, decodeAddress, encodeAddress, type SocketAddress } from './address.js';

export interface ListenOptions {
  /** Numeric address. Default '127.0.0.1'. */
  host?: string;
  /** Default 0: the kernel picks one; `addressOf` tells which. */
  port?: number;
  /** A Unix socket instead of host and port. */
  path?: string;
  /**
   * Connections that may wait to be accepted; the kernel clamps it to net.core.somaxconn. Default
   * 511.
   */
  backlog?: number;
  /**
   * SO_REUSEPORT: several sockets share the port, and the kernel spreads connections. Default
   * false.
   */
  reusePort?: boolean;
  /**
   * TCP_NODELAY on every connection: small sends are not held back for larger ones. Default false.
   */
  noDelay?: boolean;
  /** IPV6_V6ONLY. Default false. */
  ipv6Only?: boolean;
}

const ON = new Int32Array([1]);

/**
 * Opens a socket that listens; accept on it with `ring.acceptMultishot`.
 *
 * @errno EADDRINUSE another socket has the port
 * @errno EACCES ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE
 * @man socket(2), bind(2), listen(2)
 */
export function listen(options: ListenOptions = {}): OwnedFd {
  onlyKeys('options', options, [
    'host',
    'port',
    'path',
    'backlog',
    'reusePort',
    'noDelay',
    'ipv6Only',
  ]);
  const backlog = integer('backlog', options.backlog ?? 511, 0, 2 ** 31 - 1);
  const reusePort = boolean('reusePort', options.reusePort ?? false);
  const noDelay = boolean('noDelay', options.noDelay ?? false);
  const ipv6Only = boolean('ipv6Only', options.ipv6Only ?? false);
  const address: SocketAddress =
    options.path === undefined
      ? { host: options.host ?? '127.0.0.1', port: options.port ?? 0 }
      : { path: options.path };
  if (options.path !== undefined && (options.host !== undefined || options.port !== undefined)) {
    throw invalidValue('path', 'must be without host and port', options.path);
  }
  const { family, bytes } = encodeAddress('options', address);
  const type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const socket = OwnedFd.adopt(check(native.socket(family, type, 0), 'socket'));
  const option = (level: number, name: number): number =>
    check(native.setsockopt(socket.fd, level, name, ON), 'setsockopt');
  try {
    if (family !== AF_UNIX) option(SOL_SOCKET, SO_REUSEADDR);
    if (reusePort) option(SOL_SOCKET, SO_REUSEPORT);
    // Accepted sockets inherit it.
    if (noDelay && family !== AF_UNIX) option(IPPROTO_TCP, TCP_NODELAY);
    if (ipv6Only) option(IPPROTO_IPV6, IPV6_V6ONLY);
    check(native.bind(socket.fd, bytes), 'bind', detailOf(address));
    check(native.listen(socket.fd, backlog), 'listen', detailOf(address));
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/**
 * Makes a socket that is bound listen; it may do so already.
 *
 * @man listen(2)
 */
export function listenOn(socket: FdLike, backlog: number): void {
  const { fd } = plainDescriptor('socket', socket);
  check(native.listen(fd, backlog), 'listen', { fd });
}

/**
 * Ends listening at once, for every descriptor of the socket: an accept in flight would keep it
 * until it is cancelled, and connections made meanwhile would be reset.
 */
export function endListening(socket: FdLike): void {
  // A socket that is not listening any more is what is wanted.
  native.shutdown(plainDescriptor('socket', socket).fd, SHUT_RD);
}

/**
 * Gives a socket its own address.
 *
 * @errno EADDRINUSE another socket has it
 * @errno EADDRNOTAVAIL it is none of this machine's
 * @man bind(2)
 */
export function bindSocket(socket: FdLike, address: SocketAddress): void {
  const { fd } = plainDescriptor('socket', socket);
  const { bytes } = encodeAddress('address', address);
  check(native.bind(fd, bytes), 'bind', detailOf(address));
}

/**
 * The address that a socket is bound to.
 *
 * @man getsockname(2)
 */
export function addressOf(socket: FdLike): SocketAddress {
  const { fd } = plainDescriptor('socket', socket);
  const bytes = new Uint8Array(ADDRESS_BYTES_MAX);
  return decodeAddress(bytes.subarray(0, check(native.getsockname(fd, bytes), 'getsockname')));
}

/**
 * The address of the other end of a connection.
 *
 * @errno ENOTCONN it is not connected, or not any more
 * @man getpeername(2)
 */
export function peerAddressOf(socket: FdLike): SocketAddress {
  const { fd } = plainDescriptor('socket', socket);
  const bytes = new Uint8Array(ADDRESS_BYTES_MAX);
  return decodeAddress(bytes.subarray(0, check(native.getpeername(fd, bytes), 'getpeername')));
}

function detailOf(address: SocketAddress): { path: string } | { address: string; port: number } {
  return 'path' in address ? { path: address.path } : { address: address.host, port: address.port };
}
