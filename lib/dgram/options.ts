/** What `bind` and `connect` take: addresses, handlers, and what the socket is to do. */
import { AF_UNIX } from '../abi.js';
import type { SystemError } from '../errors.js';
import type { BackendName } from '../loop/backend.js';
import { DATAGRAM_BYTES_MAX } from '../loop/datagram-batch.js';
import { encodeAddress, type SocketAddress } from '../socket/address.js';
import type { SocketOptions } from '../socket/options.js';
import { boolean, integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { BESIDE_KEYS, type BesideOptions, planBeside } from './beside.js';
import type { DatagramSocket } from './datagram-socket.js';
import type { Messages } from './message.js';

/** Called with what happens to the socket. One that throws is an 'uncaughtException'. */
export interface DatagramHandlers {
  /**
   * Datagrams have come. They are lent until this returns. Without this handler they are there for
   * `receive` and `for await`.
   */
  messages?(messages: Messages, socket: DatagramSocket): void;
  /** All that was sent has gone, after `send` had answered false. */
  drain?(socket: DatagramSocket): void;
  /**
   * A datagram could not be sent or received; the socket goes on. `lost` datagrams were given up:
   * 0 when it is about one that went out earlier, such as ECONNREFUSED. Without this handler
   * `receive` rejects with the latter; `flushed` rejects with the others in any case.
   */
  error?(error: SystemError, lost: number, socket: DatagramSocket): void;
  /** The last event. */
  close?(socket: DatagramSocket): void;
}

export interface DatagramSocketOptions extends DatagramHandlers, BesideOptions {
  /** Default: io_uring where it works. */
  backend?: BackendName;
  /** Bytes of the longest datagram that is received whole. Default 65,535. */
  maxBytes?: number;
  /** Bytes waiting to be sent from which on `send` answers false. Default 1 MiB. */
  highWater?: number;
  /** Messages waiting for `receive`; beyond it, they wait in the socket. Default 1024. */
  queue?: number;
  /** SO_BROADCAST: may send to broadcast addresses. Default false. */
  broadcast?: boolean;
  /** SO_REUSEADDR: several sockets may receive from one group on one port. Default false. */
  reuseAddress?: boolean;
  /** SO_REUSEPORT: several sockets share the port, and the kernel spreads. Default false. */
  reusePort?: boolean;
  /** IPV6_V6ONLY. Default false. */
  ipv6Only?: boolean;
  /** SO_RCVBUF and SO_SNDBUF, in bytes; the kernel keeps twice as much. Default: the system's. */
  receiveBuffer?: number;
  sendBuffer?: number;
  /** Closes the socket. */
  signal?: AbortSignal;
}

/** Where to receive: a host and a port, or the path of a Unix socket. */
export interface BindOptions extends DatagramSocketOptions {
  /** Numeric. Default '127.0.0.1'; '0.0.0.0' and '::' are all addresses of this machine. */
  host?: string;
  /** Default 0: the kernel picks one. */
  port?: number;
  path?: string;
}

/** Whom to talk to. */
export interface ConnectOptions extends BindOptions {
  /** The address to send from. Default: the kernel picks one. */
  local?: SocketAddress;
}

const HANDLERS = ['messages', 'drain', 'error', 'close'] as const;
const SETTINGS = ['broadcast', 'reuseAddress', 'reusePort', 'ipv6Only'] as const;
const SIZES = ['receiveBuffer', 'sendBuffer'] as const;
const KEYS = [
  'backend',
  'maxBytes',
  'highWater',
  'queue',
  'signal',
  'host',
  'port',
  'path',
  ...HANDLERS,
  ...SETTINGS,
  ...SIZES,
  ...BESIDE_KEYS,
] as const;

const HIGH_WATER = 1 << 20;
const QUEUE = 1024;
const INT_MAX = 2 ** 31 - 1;

/** Options after checking. */
export interface DatagramPlan {
  readonly address: SocketAddress;
  readonly family: number;
  readonly settings: SocketOptions;
  readonly controlBytes: number;
  readonly maxBytes: number;
  readonly highWater: number;
  readonly queue: number;
}

export function planDatagrams(options: ConnectOptions, connecting: boolean): DatagramPlan {
  onlyKeys('options', options, connecting ? [...KEYS, 'local'] : KEYS);
  for (const name of HANDLERS) {
    const handler = options[name];
    if (handler !== undefined && typeof handler !== 'function') {
      throw invalidType(`options.${name}`, 'a function', handler);
    }
  }
  const address = addressIn(options, connecting);
  const { family } = encodeAddress('options', address);
  const beside = planBeside(family, options);
  const settings: SocketOptions = {};
  for (const name of SETTINGS) {
    if (boolean(name, options[name] ?? false)) settings[name] = true;
  }
  for (const name of SIZES) {
    const size = options[name];
    if (size !== undefined) settings[name] = integer(name, size, 1, INT_MAX);
  }
  if (family === AF_UNIX && settings.ipv6Only)
    throw invalidValue('ipv6Only', 'must be of IPv6', true);
  return {
    address,
    family,
    settings: { ...settings, ...beside.settings },
    controlBytes: beside.controlBytes,
    maxBytes: integer('maxBytes', options.maxBytes ?? DATAGRAM_BYTES_MAX, 1, DATAGRAM_BYTES_MAX),
    highWater: integer('highWater', options.highWater ?? HIGH_WATER, 1, INT_MAX),
    queue: integer('queue', options.queue ?? QUEUE, 1, INT_MAX),
  };
}

function addressIn(options: BindOptions, connecting: boolean): SocketAddress {
  const { host = '127.0.0.1', port, path } = options;
  if (path === undefined) {
    return { host, port: integer('port', port ?? 0, connecting ? 1 : 0, 65_535) };
  }
  if (options.host === undefined && port === undefined) return { path };
  throw invalidValue('path', 'must be without host and port', path);
}
