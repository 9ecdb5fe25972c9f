/** Every socket option that has one plain value: its level and number, and what it holds. */
import * as abi from '../abi.js';

export type OptionKind = 'boolean' | 'integer' | 'seconds' | 'milliseconds' | 'text';

export interface OptionRow<Kind extends OptionKind = OptionKind, Told extends boolean = boolean> {
  readonly level: number;
  readonly name: number;
  readonly kind: Kind;
  /** The kernel's own name. */
  readonly kernel: string;
  /** It cannot be set. */
  readonly told: Told;
}

const row = <Kind extends OptionKind>(
  level: number,
  name: number,
  kind: Kind,
  kernel: string,
): OptionRow<Kind, false> => ({ level, name, kind, kernel, told: false });

const told = <Kind extends OptionKind>(
  level: number,
  name: number,
  kind: Kind,
  kernel: string,
): OptionRow<Kind, true> => ({ level, name, kind, kernel, told: true });

const { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6 } = abi;

export const OPTION_TABLE = {
  // --- any socket --------------------------------------------------------------------------------
  reuseAddress: row(SOL_SOCKET, abi.SO_REUSEADDR, 'boolean', 'SO_REUSEADDR'),
  reusePort: row(SOL_SOCKET, abi.SO_REUSEPORT, 'boolean', 'SO_REUSEPORT'),
  broadcast: row(SOL_SOCKET, abi.SO_BROADCAST, 'boolean', 'SO_BROADCAST'),
  keepAlive: row(SOL_SOCKET, abi.SO_KEEPALIVE, 'boolean', 'SO_KEEPALIVE'),
  sendBuffer: row(SOL_SOCKET, abi.SO_SNDBUF, 'integer', 'SO_SNDBUF'),
  sendBufferForce: row(SOL_SOCKET, abi.SO_SNDBUFFORCE, 'integer', 'SO_SNDBUFFORCE'),
  receiveBuffer: row(SOL_SOCKET, abi.SO_RCVBUF, 'integer', 'SO_RCVBUF'),
  receiveBufferForce: row(SOL_SOCKET, abi.SO_RCVBUFFORCE, 'integer', 'SO_RCVBUFFORCE'),
  receiveLowWater: row(SOL_SOCKET, abi.SO_RCVLOWAT, 'integer', 'SO_RCVLOWAT'),
  priority: row(SOL_SOCKET, abi.SO_PRIORITY, 'integer', 'SO_PRIORITY'),
  mark: row(SOL_SOCKET, abi.SO_MARK, 'integer', 'SO_MARK'),
  bindToDevice: row(SOL_SOCKET, abi.SO_BINDTODEVICE, 'text', 'SO_BINDTODEVICE'),
  busyPoll: row(SOL_SOCKET, abi.SO_BUSY_POLL, 'integer', 'SO_BUSY_POLL'),
  preferBusyPoll: row(SOL_SOCKET, abi.SO_PREFER_BUSY_POLL, 'boolean', 'SO_PREFER_BUSY_POLL'),
  busyPollBudget: row(SOL_SOCKET, abi.SO_BUSY_POLL_BUDGET, 'integer', 'SO_BUSY_POLL_BUDGET'),
  incomingCpu: row(SOL_SOCKET, abi.SO_INCOMING_CPU, 'integer', 'SO_INCOMING_CPU'),
  incomingNapiId: told(SOL_SOCKET, abi.SO_INCOMING_NAPI_ID, 'integer', 'SO_INCOMING_NAPI_ID'),
  maxPacingRate: row(SOL_SOCKET, abi.SO_MAX_PACING_RATE, 'integer', 'SO_MAX_PACING_RATE'),
  passCredentials: row(SOL_SOCKET, abi.SO_PASSCRED, 'boolean', 'SO_PASSCRED'),
  zerocopy: row(SOL_SOCKET, abi.SO_ZEROCOPY, 'boolean', 'SO_ZEROCOPY'),
  listening: told(SOL_SOCKET, abi.SO_ACCEPTCONN, 'boolean', 'SO_ACCEPTCONN'),
  domain: told(SOL_SOCKET, abi.SO_DOMAIN, 'integer', 'SO_DOMAIN'),
  type: told(SOL_SOCKET, abi.SO_TYPE, 'integer', 'SO_TYPE'),
  protocol: told(SOL_SOCKET, abi.SO_PROTOCOL, 'integer', 'SO_PROTOCOL'),
  // --- TCP ---------------------------------------------------------------------------------------
  noDelay: row(IPPROTO_TCP, abi.TCP_NODELAY, 'boolean', 'TCP_NODELAY'),
  cork: row(IPPROTO_TCP, abi.TCP_CORK, 'boolean', 'TCP_CORK'),
  quickAck: row(IPPROTO_TCP, abi.TCP_QUICKACK, 'boolean', 'TCP_QUICKACK'),
  maxSegment: row(IPPROTO_TCP, abi.TCP_MAXSEG, 'integer', 'TCP_MAXSEG'),
  keepAliveIdleMs: row(IPPROTO_TCP, abi.TCP_KEEPIDLE, 'seconds', 'TCP_KEEPIDLE'),
  keepAliveIntervalMs: row(IPPROTO_TCP, abi.TCP_KEEPINTVL, 'seconds', 'TCP_KEEPINTVL'),
  keepAliveCount: row(IPPROTO_TCP, abi.TCP_KEEPCNT, 'integer', 'TCP_KEEPCNT'),
  userTimeoutMs: row(IPPROTO_TCP, abi.TCP_USER_TIMEOUT, 'milliseconds', 'TCP_USER_TIMEOUT'),
  synCount: row(IPPROTO_TCP, abi.TCP_SYNCNT, 'integer', 'TCP_SYNCNT'),
  linger2Ms: row(IPPROTO_TCP, abi.TCP_LINGER2, 'seconds', 'TCP_LINGER2'),
  deferAcceptMs: row(IPPROTO_TCP, abi.TCP_DEFER_ACCEPT, 'seconds', 'TCP_DEFER_ACCEPT'),
  windowClamp: row(IPPROTO_TCP, abi.TCP_WINDOW_CLAMP, 'integer', 'TCP_WINDOW_CLAMP'),
  fastOpen: row(IPPROTO_TCP, abi.TCP_FASTOPEN, 'integer', 'TCP_FASTOPEN'),
  fastOpenConnect: row(IPPROTO_TCP, abi.TCP_FASTOPEN_CONNECT, 'boolean', 'TCP_FASTOPEN_CONNECT'),
  notSentLowWater: row(IPPROTO_TCP, abi.TCP_NOTSENT_LOWAT, 'integer', 'TCP_NOTSENT_LOWAT'),
  congestion: row(IPPROTO_TCP, abi.TCP_CONGESTION, 'text', 'TCP_CONGESTION'),
  // --- IP ----------------------------------------------------------------------------------------
  tos: row(IPPROTO_IP, abi.IP_TOS, 'integer', 'IP_TOS'),
  ttl: row(IPPROTO_IP, abi.IP_TTL, 'integer', 'IP_TTL'),
  freeBind: row(IPPROTO_IP, abi.IP_FREEBIND, 'boolean', 'IP_FREEBIND'),
  bindAddressNoPort: row(
    IPPROTO_IP,
    abi.IP_BIND_ADDRESS_NO_PORT,
    'boolean',
    'IP_BIND_ADDRESS_NO_PORT',
  ),
  trafficClass: row(IPPROTO_IPV6, abi.IPV6_TCLASS, 'integer', 'IPV6_TCLASS'),
  hopLimit: row(IPPROTO_IPV6, abi.IPV6_UNICAST_HOPS, 'integer', 'IPV6_UNICAST_HOPS'),
  ipv6Only: row(IPPROTO_IPV6, abi.IPV6_V6ONLY, 'boolean', 'IPV6_V6ONLY'),
  multicastTtl: row(IPPROTO_IP, abi.IP_MULTICAST_TTL, 'integer', 'IP_MULTICAST_TTL'),
  multicastLoop: row(IPPROTO_IP, abi.IP_MULTICAST_LOOP, 'boolean', 'IP_MULTICAST_LOOP'),
  multicastHopLimit: row(IPPROTO_IPV6, abi.IPV6_MULTICAST_HOPS, 'integer', 'IPV6_MULTICAST_HOPS'),
  multicastLoop6: row(IPPROTO_IPV6, abi.IPV6_MULTICAST_LOOP, 'boolean', 'IPV6_MULTICAST_LOOP'),
  // --- what comes beside a datagram --------------------------------------------------------------
  receiveTimestamps: row(SOL_SOCKET, abi.SO_TIMESTAMPNS, 'boolean', 'SO_TIMESTAMPNS'),
  timestamping: row(SOL_SOCKET, abi.SO_TIMESTAMPING, 'integer', 'SO_TIMESTAMPING'),
  receiveDropped: row(SOL_SOCKET, abi.SO_RXQ_OVFL, 'boolean', 'SO_RXQ_OVFL'),
  receivePacketInfo: row(IPPROTO_IP, abi.IP_PKTINFO, 'boolean', 'IP_PKTINFO'),
  receivePacketInfo6: row(IPPROTO_IPV6, abi.IPV6_RECVPKTINFO, 'boolean', 'IPV6_RECVPKTINFO'),
  receiveTos: row(IPPROTO_IP, abi.IP_RECVTOS, 'boolean', 'IP_RECVTOS'),
  receiveTrafficClass: row(IPPROTO_IPV6, abi.IPV6_RECVTCLASS, 'boolean', 'IPV6_RECVTCLASS'),
  receiveTtl: row(IPPROTO_IP, abi.IP_RECVTTL, 'boolean', 'IP_RECVTTL'),
  receiveHopLimit: row(IPPROTO_IPV6, abi.IPV6_RECVHOPLIMIT, 'boolean', 'IPV6_RECVHOPLIMIT'),
  segmentSize: row(abi.IPPROTO_UDP, abi.UDP_SEGMENT, 'integer', 'UDP_SEGMENT'),
  receiveOffload: row(abi.IPPROTO_UDP, abi.UDP_GRO, 'boolean', 'UDP_GRO'),
} as const satisfies Record<string, OptionRow>;
