/** Socket options, typed, on any descriptor: read, set, several at once. */
import { EOPNOTSUPP, SO_LINGER, SO_PEERCRED, SOL_SOCKET } from '../abi.js';
import { check, systemError } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { boolean, integer, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { OPTION_TABLE, type OptionKind, type OptionRow } from './option-table.js';

const INT_MAX = 2 ** 31 - 1;
/** A device's name has 16 bytes, a congestion control's as many. */
const TEXT_BYTES = 16;

/**
 * Socket options by name. Times are milliseconds; what the kernel keeps in whole seconds is rounded
 * up. Sizes are bytes; of a buffer the kernel keeps twice what is asked for, and answers that.
 *
 * | option | the kernel's name |
 * |---|---|
 * | `reuseAddress`, `reusePort`, `broadcast`, `keepAlive`, `zerocopy` | SO_REUSEADDR ... |
 * | `sendBuffer`, `receiveBuffer` (`...Force`: past the limit, CAP_NET_ADMIN) | SO_SNDBUF ... |
 * | `receiveLowWater`, `priority`, `mark`, `maxPacingRate` | SO_RCVLOWAT ... |
 * | `bindToDevice` ('' for none) | SO_BINDTODEVICE |
 * | `busyPoll` (µs), `preferBusyPoll`, `busyPollBudget` (only set) | SO_BUSY_POLL ... |
 * | `incomingCpu`, `incomingNapiId` | SO_INCOMING_CPU ... |
 * | `listening`, `domain`, `type`, `protocol` (only read) | SO_ACCEPTCONN ... |
 * | `noDelay`, `cork`, `quickAck`, `maxSegment`, `windowClamp` | TCP_NODELAY ... |
 * | `keepAliveIdleMs`, `keepAliveIntervalMs`, `keepAliveCount` | TCP_KEEPIDLE ... |
 * | `userTimeoutMs`, `synCount`, `linger2Ms` | TCP_USER_TIMEOUT ... |
 * | `deferAcceptMs`, `fastOpen` (queue length), `fastOpenConnect` | TCP_DEFER_ACCEPT ... |
 * | `notSentLowWater`, `congestion` | TCP_NOTSENT_LOWAT, TCP_CONGESTION |
 * | `tos`, `ttl`, `freeBind`, `bindAddressNoPort` | IP_TOS ... |
 * | `trafficClass`, `hopLimit`, `ipv6Only` | IPV6_TCLASS ... |
 * | `multicastTtl`, `multicastLoop`, `multicastHopLimit`, `multicastLoop6` | IP_MULTICAST_TTL ... |
 * | `receiveTimestamps`, `timestamping` (SOF_TIMESTAMPING_* bits) | SO_TIMESTAMPNS ... |
 * | `receiveDropped` | SO_RXQ_OVFL |
 * | `receivePacketInfo`, `receiveTos`, `receiveTtl` | IP_PKTINFO ... |
 * | `receivePacketInfo6`, `receiveTrafficClass`, `receiveHopLimit` | IPV6_RECVPKTINFO ... |
 * | `segmentSize`, `receiveOffload` | UDP_SEGMENT, UDP_GRO |
 */
export type SocketOptionName = keyof typeof OPTION_TABLE;

type ValueOf<Kind extends OptionKind> = Kind extends 'boolean'
  ? boolean
  : Kind extends 'text'
    ? string
    : number;

/** What an option holds. */
export type SocketOptionValue<Name extends SocketOptionName> = ValueOf<
  (typeof OPTION_TABLE)[Name]['kind']
>;

type Settable = {
  [Name in SocketOptionName]: (typeof OPTION_TABLE)[Name] extends OptionRow<OptionKind, true>
    ? never
    : Name;
}[SocketOptionName];

/** Options to be set together. */
export type SocketOptions = { [Name in Settable]?: SocketOptionValue<Name> };

const NAMES = Object.keys(OPTION_TABLE) as SocketOptionName[];

/**
 * Reads one option.
 *
 * @errno ENOPROTOOPT this socket, or this kernel, has no such option
 * @man getsockopt(2), socket(7), tcp(7), ip(7), ipv6(7)
 */
export function getSocketOption<Name extends SocketOptionName>(
  socket: FdLike,
  name: Name,
): SocketOptionValue<Name> {
  const { level, name: number, kind, kernel }: OptionRow = OPTION_TABLE[oneOf('name', name, NAMES)];
  const { fd } = plainDescriptor('socket', socket);
  const answer = (value: boolean | number | string): SocketOptionValue<Name> =>
    value as SocketOptionValue<Name>;
  if (kind === 'text') {
    const bytes = new Uint8Array(TEXT_BYTES);
    const result = native.getsockopt(fd, level, number, bytes);
    check(result, 'getsockopt', { fd, facts: { option: kernel } });
    const text = Buffer.from(bytes.subarray(0, result)).toString('latin1');
    return answer(text.replace(/\0.*$/s, ''));
  }
  const word = new Int32Array(1);
  const result = native.getsockopt(fd, level, number, word);
  check(result, 'getsockopt', { fd, facts: { option: kernel } });
  const value = word[0] as number;
  if (kind === 'boolean') return answer(value !== 0);
  return answer(kind === 'seconds' ? value * 1000 : value);
}

/**
 * Sets one option.
 *
 * @errno ENOPROTOOPT this socket, or this kernel, has no such option
 * @errno EPERM it needs CAP_NET_ADMIN (mark, priority above 6, busyPoll, the forced buffer sizes)
 * @errno ENOENT no such congestion control is loaded or allowed
 * @errno ENODEV no such device
 * @man setsockopt(2), socket(7), tcp(7), udp(7), ip(7), ipv6(7)
 */
export function setSocketOption<Name extends keyof SocketOptions>(
  socket: FdLike,
  name: Name,
  value: SocketOptionValue<Name>,
): void {
  const row = OPTION_TABLE[oneOf('name', name, NAMES)];
  const bytes = encode(name, row, value);
  setEncoded(plainDescriptor('socket', socket).fd, row, bytes);
}

/**
 * Sets several options, in the order given. All values are checked before the first is set.
 *
 * @errno ENOPROTOOPT this socket, or this kernel, has no such option
 * @man setsockopt(2)
 */
export function setSocketOptions(socket: FdLike, options: SocketOptions): void {
  onlyKeys('options', options, NAMES);
  const { fd } = plainDescriptor('socket', socket);
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const encoded = entries.map(([name, value]) => {
    const row = OPTION_TABLE[name as SocketOptionName];
    return { row, bytes: encode(name, row, value) };
  });
  for (const { row, bytes } of encoded) setEncoded(fd, row, bytes);
}

const OFF = new Uint8Array(Int32Array.of(0).buffer);
const ON = new Uint8Array(Int32Array.of(1).buffer);

function setEncoded(fd: number, { level, name, kernel }: OptionRow, bytes: Uint8Array): void {
  const result = native.setsockopt(fd, level, name, bytes);
  if (result < 0) check(result, 'setsockopt', { fd, facts: { option: kernel } });
}

function encode(name: string, { kind, kernel, told }: OptionRow, value: unknown): Uint8Array {
  if (told) throw invalidValue(name, `can only be read (${kernel})`, value);
  if (kind === 'text') {
    if (typeof value !== 'string') throw invalidType(name, 'a string', value);
    const bytes = new Uint8Array(Buffer.from(`${value}\0`, 'latin1'));
    if (bytes.length <= TEXT_BYTES && bytes.indexOf(0) === bytes.length - 1) return bytes;
    throw invalidValue(name, `must be at most ${TEXT_BYTES - 1} characters, none of them 0`, value);
  }
  if (kind === 'boolean') return boolean(name, value) ? ON : OFF;
  return new Uint8Array(Int32Array.of(numberOf(name, kind, value)).buffer);
}

function numberOf(name: string, kind: OptionKind, value: unknown): number {
  if (kind === 'integer') return integer(name, value, -INT_MAX - 1, INT_MAX);
  const most = kind === 'seconds' ? INT_MAX * 1000 : INT_MAX;
  const milliseconds = integer(name, value, 0, most);
  return kind === 'seconds' ? Math.ceil(milliseconds / 1000) : milliseconds;
}

/**
 * What `close` does with bytes that were not sent: `undefined` goes on in the background, a number
 * of milliseconds waits that long (whole seconds, rounded up), 0 drops them and resets.
 *
 * @man socket(7)
 */
export function setLinger(socket: FdLike, lingerMs: number | undefined): void {
  const on = lingerMs !== undefined;
  const seconds = on ? Math.ceil(integer('lingerMs', lingerMs, 0, INT_MAX) / 1000) : 0;
  const { fd } = plainDescriptor('socket', socket);
  const result = native.setsockopt(fd, SOL_SOCKET, SO_LINGER, Int32Array.of(Number(on), seconds));
  check(result, 'setsockopt', { fd, facts: { option: 'SO_LINGER' } });
}

/** The process at the other end of a Unix socket, as it was when the connection was made. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who is at the other end of a connected Unix socket.
 *
 * @errno EOPNOTSUPP it is no Unix socket, or not connected
 * @man unix(7)
 */
export function peerCredentials(socket: FdLike): PeerCredentials {
  const { fd } = plainDescriptor('socket', socket);
  const words = new Int32Array(3);
  const result = native.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, words);
  check(result, 'getsockopt', { fd, facts: { option: 'SO_PEERCRED' } });
  const [pid = 0, uid = -1, gid = -1] = words;
  // What other sockets answer: nobody.
  if (pid === 0 && uid === -1) throw systemError(-EOPNOTSUPP, 'getsockopt', { fd });
  return { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
