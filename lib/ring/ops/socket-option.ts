/** Socket options by the kernel's names, less their prefix, and their values as bytes. */
import * as abi from '../../abi.js';
import { bytesView, integer, invalidType, oneOf } from '../../validate.js';
import { asBytes } from '../operation.js';

/** By level: the kernel's name in lower case, without SO_, TCP_ ... */
const OPTIONS = {
  socket: {
    level: abi.SOL_SOCKET,
    acceptconn: abi.SO_ACCEPTCONN,
    bindtodevice: abi.SO_BINDTODEVICE,
    broadcast: abi.SO_BROADCAST,
    busy_poll: abi.SO_BUSY_POLL,
    busy_poll_budget: abi.SO_BUSY_POLL_BUDGET,
    cookie: abi.SO_COOKIE,
    domain: abi.SO_DOMAIN,
    error: abi.SO_ERROR,
    incoming_cpu: abi.SO_INCOMING_CPU,
    incoming_napi_id: abi.SO_INCOMING_NAPI_ID,
    keepalive: abi.SO_KEEPALIVE,
    linger: abi.SO_LINGER,
    mark: abi.SO_MARK,
    max_pacing_rate: abi.SO_MAX_PACING_RATE,
    passcred: abi.SO_PASSCRED,
    passpidfd: abi.SO_PASSPIDFD,
    peercred: abi.SO_PEERCRED,
    prefer_busy_poll: abi.SO_PREFER_BUSY_POLL,
    priority: abi.SO_PRIORITY,
    protocol: abi.SO_PROTOCOL,
    rcvbuf: abi.SO_RCVBUF,
    rcvbufforce: abi.SO_RCVBUFFORCE,
    rcvlowat: abi.SO_RCVLOWAT,
    rcvtimeo: abi.SO_RCVTIMEO,
    reuseaddr: abi.SO_REUSEADDR,
    reuseport: abi.SO_REUSEPORT,
    rxq_ovfl: abi.SO_RXQ_OVFL,
    sndbuf: abi.SO_SNDBUF,
    sndbufforce: abi.SO_SNDBUFFORCE,
    sndtimeo: abi.SO_SNDTIMEO,
    timestamp: abi.SO_TIMESTAMP,
    timestamping: abi.SO_TIMESTAMPING,
    timestampns: abi.SO_TIMESTAMPNS,
    txtime: abi.SO_TXTIME,
    type: abi.SO_TYPE,
    zerocopy: abi.SO_ZEROCOPY,
  },
  tcp: {
    level: abi.IPPROTO_TCP,
    congestion: abi.TCP_CONGESTION,
    cork: abi.TCP_CORK,
    defer_accept: abi.TCP_DEFER_ACCEPT,
    fastopen: abi.TCP_FASTOPEN,
    fastopen_connect: abi.TCP_FASTOPEN_CONNECT,
    info: abi.TCP_INFO,
    keepcnt: abi.TCP_KEEPCNT,
    keepidle: abi.TCP_KEEPIDLE,
    keepintvl: abi.TCP_KEEPINTVL,
    linger2: abi.TCP_LINGER2,
    maxseg: abi.TCP_MAXSEG,
    nodelay: abi.TCP_NODELAY,
    notsent_lowat: abi.TCP_NOTSENT_LOWAT,
    quickack: abi.TCP_QUICKACK,
    syncnt: abi.TCP_SYNCNT,
    tx_delay: abi.TCP_TX_DELAY,
    ulp: abi.TCP_ULP,
    user_timeout: abi.TCP_USER_TIMEOUT,
    window_clamp: abi.TCP_WINDOW_CLAMP,
  },
  udp: { level: abi.IPPROTO_UDP, gro: abi.UDP_GRO, segment: abi.UDP_SEGMENT },
  ip: {
    level: abi.IPPROTO_IP,
    add_membership: abi.IP_ADD_MEMBERSHIP,
    bind_address_no_port: abi.IP_BIND_ADDRESS_NO_PORT,
    drop_membership: abi.IP_DROP_MEMBERSHIP,
    freebind: abi.IP_FREEBIND,
    mtu_discover: abi.IP_MTU_DISCOVER,
    multicast_if: abi.IP_MULTICAST_IF,
    multicast_loop: abi.IP_MULTICAST_LOOP,
    multicast_ttl: abi.IP_MULTICAST_TTL,
    pktinfo: abi.IP_PKTINFO,
    recverr: abi.IP_RECVERR,
    recvtos: abi.IP_RECVTOS,
    recvttl: abi.IP_RECVTTL,
    tos: abi.IP_TOS,
    ttl: abi.IP_TTL,
  },
  ipv6: {
    level: abi.IPPROTO_IPV6,
    join_group: abi.IPV6_JOIN_GROUP,
    leave_group: abi.IPV6_LEAVE_GROUP,
    multicast_hops: abi.IPV6_MULTICAST_HOPS,
    multicast_if: abi.IPV6_MULTICAST_IF,
    multicast_loop: abi.IPV6_MULTICAST_LOOP,
    recverr: abi.IPV6_RECVERR,
    recvhoplimit: abi.IPV6_RECVHOPLIMIT,
    recvpktinfo: abi.IPV6_RECVPKTINFO,
    recvtclass: abi.IPV6_RECVTCLASS,
    tclass: abi.IPV6_TCLASS,
    unicast_hops: abi.IPV6_UNICAST_HOPS,
    v6only: abi.IPV6_V6ONLY,
  },
} as const;

type Options = typeof OPTIONS;
/** A level by name, or any other by its number. */
export type SocketLevel = keyof Options | number;
/** An option of the level by name, or any by its number. */
export type SocketOption<Level extends SocketLevel> =
  | number
  | (Level extends keyof Options ? Exclude<keyof Options[Level], 'level'> : never);

const INT_MAX = 2 ** 31 - 1;

/** The two numbers that getsockopt(2) takes. */
export function socketOption(level: unknown, name: unknown): { level: number; name: number } {
  if (typeof level === 'number') {
    return { level: integer('level', level, 0, INT_MAX), name: optionNumber(name) };
  }
  const table: Readonly<Record<string, number>> =
    OPTIONS[oneOf('level', level, ['socket', 'tcp', 'udp', 'ip', 'ipv6'] as const)];
  if (typeof name === 'number')
    return { level: table['level'] as number, name: optionNumber(name) };
  const names = Object.keys(table).filter((each) => each !== 'level');
  return { level: table['level'] as number, name: table[oneOf('name', name, names)] as number };
}

const optionNumber = (name: unknown): number => integer('name', name, 0, INT_MAX);

/** An int, or bytes as they are. */
export function socketOptionBytes(name: string, value: unknown): Uint8Array {
  if (typeof value === 'boolean') return new Uint8Array(Int32Array.of(Number(value)).buffer);
  if (typeof value === 'number') {
    return new Uint8Array(Int32Array.of(integer(name, value, -INT_MAX - 1, INT_MAX)).buffer);
  }
  if (!ArrayBuffer.isView(value)) throw invalidType(name, 'a number, a boolean or bytes', value);
  return asBytes(bytesView(name, value)).slice();
}
