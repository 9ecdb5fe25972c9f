/** Multicast groups of a socket: joined and left, and the interface that is sent by. */
import {
  AF_INET,
  AF_INET6,
  IP_MULTICAST_IF,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MULTICAST_IF,
  MCAST_JOIN_GROUP,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  SIOCGIFINDEX,
} from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { integer, invalidType, invalidValue } from '../validate.js';
import { encodeAddress, hostBytes } from './address.js';

/** An interface by its name ('eth0') or its number. */
export type Interface = string | number;

/** `struct ifreq`: a name of 16 bytes, and what is asked for. */
const REQUEST_BYTES = 40;
const NAME_BYTES = 16;
/** `struct group_req`: the interface, padding, the group; a source comes behind them. */
const GROUP_AT = 8;
const SOURCE_AT = GROUP_AT + 128;
const GROUP_BYTES = SOURCE_AT;
const SOURCE_BYTES = SOURCE_AT + 128;

/**
 * The number of an interface; 0 stands for whichever the kernel chooses.
 *
 * @errno ENODEV there is none of that name
 * @man netdevice(7)
 */
export function interfaceIndex(name: string, socket: FdLike, value: Interface): number {
  if (typeof value === 'number') return integer(name, value, 0, 2 ** 31 - 1);
  if (typeof value !== 'string') throw invalidType(name, 'a name or a number', value);
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length === 0 || bytes.length >= NAME_BYTES) {
    throw invalidValue(name, `must be a name of 1 to ${NAME_BYTES - 1} characters`, value);
  }
  const request = new Uint8Array(REQUEST_BYTES);
  request.set(bytes);
  const { fd } = plainDescriptor('socket', socket);
  check(native.ioctl(fd, SIOCGIFINDEX, request), 'ioctl', { fd, facts: { interface: value } });
  return new DataView(request.buffer).getInt32(NAME_BYTES, true);
}

/** A group, the interface that it is on, and the one sender that is wanted. */
export interface Membership {
  readonly group: string;
  readonly interface?: Interface | undefined;
  /** Only what this address sends (source-specific multicast). Default: anybody. */
  readonly source?: string | undefined;
}

/** Whether an address is one of a group. */
export function isMulticast(host: string): boolean {
  if (host.includes(':')) return /^ff/i.test(host);
  const first = Number.parseInt(host, 10);
  return first >= 224 && first <= 239;
}

/**
 * Receives what is sent to a group, from now on.
 *
 * @errno EADDRINUSE it has joined already
 * @errno ENODEV no interface with multicast is there to be chosen
 * @errno ENOBUFS more groups than net.ipv4.igmp_max_memberships
 * @kernel 2.6 MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP
 * @man ip(7), ipv6(7)
 */
export function joinGroup(socket: FdLike, membership: Membership): void {
  change(socket, membership, MCAST_JOIN_GROUP, MCAST_JOIN_SOURCE_GROUP);
}

/**
 * And no longer.
 *
 * @errno EADDRNOTAVAIL it has not joined
 * @kernel 2.6 MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP
 * @man ip(7), ipv6(7)
 */
export function leaveGroup(socket: FdLike, membership: Membership): void {
  change(socket, membership, MCAST_LEAVE_GROUP, MCAST_LEAVE_SOURCE_GROUP);
}

function change(socket: FdLike, membership: Membership, plain: number, withSource: number): void {
  const { group, source } = membership;
  const address = encodeAddress('group', { host: group, port: 0 });
  if (!isMulticast(group)) throw invalidValue('group', 'must be a multicast address', group);
  const { fd } = plainDescriptor('socket', socket);
  const request = new Uint8Array(source === undefined ? GROUP_BYTES : SOURCE_BYTES);
  const index = interfaceIndex('interface', socket, membership.interface ?? 0);
  new DataView(request.buffer).setUint32(0, index, true);
  request.set(address.bytes, GROUP_AT);
  if (source !== undefined) {
    const sender = encodeAddress('source', { host: source, port: 0 });
    if (sender.family !== address.family) {
      throw invalidValue('source', 'must be of the same family as the group', source);
    }
    request.set(sender.bytes, SOURCE_AT);
  }
  const level = address.family === AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  const option = source === undefined ? plain : withSource;
  check(native.setsockopt(fd, level, option, request), 'setsockopt', {
    fd,
    address: group,
    facts: { option: 'MCAST_JOIN_GROUP' },
  });
}

/**
 * The interface by which groups are sent to: its name or number, or, over IPv4, its address.
 *
 * @errno ENODEV there is none of that name
 * @errno EADDRNOTAVAIL no interface has that address
 * @man ip(7), ipv6(7)
 */
export function setMulticastInterface(socket: FdLike, family: number, value: Interface): void {
  const { fd } = plainDescriptor('socket', socket);
  const detail = { fd, facts: { option: 'IP_MULTICAST_IF' } };
  if (family === AF_INET6) {
    const index = Int32Array.of(interfaceIndex('interface', socket, value));
    check(native.setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index), 'setsockopt', detail);
    return;
  }
  // `struct ip_mreqn`: a group, an address, an interface.
  const request = new Uint8Array(12);
  if (typeof value === 'string' && /^[\d.]+$/.test(value)) {
    const { family: of, bytes } = hostBytes('interface', value);
    if (of === AF_INET) request.set(bytes, 4);
  } else {
    const index = interfaceIndex('interface', socket, value);
    new DataView(request.buffer).setInt32(8, index, true);
  }
  check(native.setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, request), 'setsockopt', detail);
}
