/** What `serve` takes: where to listen, the handlers, and the limits of a connection. */

import type { SystemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { BackendName } from '../loop/backend.js';
import type { Received } from '../loop/received.js';
import type { ListenOptions } from '../socket/listen.js';
import { boolean, integer, invalidType, milliseconds, onlyKeys } from '../validate.js';
import { givenListener, LISTEN_KEYS } from './given-listener.js';
import type { ServedConnection } from './served-connection.js';

/**
 * Called with every event of every connection. One that throws costs its own connection, which is
 * reset, and is an 'uncaughtException'.
 */
export interface ServeHandlers<State> {
  /** A connection was accepted. `connection.state` is there for whatever belongs to it. */
  open?(connection: ServedConnection<State>): void;
  /** Bytes have come; they are lent until this returns, and `received.copy()` keeps them. */
  data(connection: ServedConnection<State>, received: Received): void;
  /** All that was written has been taken by the kernel, after `write` had answered false. */
  drain?(connection: ServedConnection<State>): void;
  /** The peer has ended its side. Ours ends too, when this has returned, unless `allowHalfOpen`. */
  end?(connection: ServedConnection<State>): void;
  /**
   * Nothing came or went for `idleTimeoutMs`, or the connection is `lifetimeMs` old. Without this
   * handler it is closed; with it, it goes on, and is told of again after as long.
   */
  timeout?(connection: ServedConnection<State>, which: 'idle' | 'lifetime'): void;
  /** The server wants to stop (`drain`): finish what was begun, then `end()`. */
  stopping?(connection: ServedConnection<State>): void;
  /** The connection is broken; `close` follows. */
  error?(connection: ServedConnection<State>, error: SystemError): void;
  /** The last event of a connection. */
  close?(connection: ServedConnection<State>): void;
  /** A connection could not be accepted. Where descriptors ran out, accepting goes on later. */
  acceptError?(error: SystemError): void;
}

/** TCP keep-alive probes on idle connections. */
export interface KeepAlive {
  /** Silence before the first probe. Default: the system's (two hours). */
  idleMs?: number;
  /** Between probes. Default: the system's (75 s). */
  intervalMs?: number;
  /** Probes without an answer before the connection is given up. Default: the system's (9). */
  count?: number;
}

export interface ServeOptions<State> extends ListenOptions, ServeHandlers<State> {
  /**
   * A socket that listens already, instead of `host`, `port` or `path`. It is closed with the
   * server, which then leaves what waits in its backlog to whoever has a copy of it.
   */
  listener?: OwnedFd;
  /** Default: io_uring where it works. */
  backend?: BackendName;
  /** TCP_NODELAY. Default true here: what is written in one turn goes together anyway. */
  noDelay?: boolean;
  /** SO_KEEPALIVE and its times. Default: none. */
  keepAlive?: boolean | KeepAlive;
  /** Bytes waiting to be sent from which on `write` answers false. Default 65,536. */
  highWater?: number;
  /**
   * While more than `highWater` waits to be sent, nothing is received: a peer that sends and does
   * not read costs no more memory. Default true; false leaves it to `pause` and `resume`.
   */
  autoPause?: boolean;
  /** Our side stays open when the peer has ended its own. Default false. */
  allowHalfOpen?: boolean;
  /** Silence in both directions that is a timeout. Default 0: never. */
  idleTimeoutMs?: number;
  /** Age that is a timeout. Default 0: never. */
  lifetimeMs?: number;
  /** Connections beyond are reset at once. Default: no limit. */
  maxConnections?: number;
  /** Stops the server. */
  signal?: AbortSignal;
}

const HANDLERS = [
  'open',
  'data',
  'drain',
  'end',
  'timeout',
  'stopping',
  'error',
  'close',
  'acceptError',
] as const;
const OTHERS = [
  'listener',
  'backend',
  'noDelay',
  'keepAlive',
  'highWater',
  'autoPause',
  'allowHalfOpen',
  'idleTimeoutMs',
  'lifetimeMs',
  'maxConnections',
  'signal',
] as const;

/** Options after checking. */
export interface ServePlan {
  readonly listen: ListenOptions;
  readonly noDelay: boolean;
  readonly listener: OwnedFd | undefined;
  readonly keepAlive: KeepAlive | undefined;
  readonly highWater: number;
  readonly autoPause: boolean;
  readonly allowHalfOpen: boolean;
  readonly idleTimeoutMs: number;
  readonly lifetimeMs: number;
  readonly maxConnections: number;
}

const INT_MAX = 2 ** 31 - 1;

export function planServe<State>(options: ServeOptions<State>): ServePlan {
  onlyKeys('options', options, [...LISTEN_KEYS, ...HANDLERS, ...OTHERS]);
  for (const name of HANDLERS) {
    const handler = options[name];
    if (typeof handler === 'function' || (handler === undefined && name !== 'data')) continue;
    throw invalidType(`options.${name}`, 'a function', handler);
  }
  const noDelay = boolean('noDelay', options.noDelay ?? true);
  const listen: Record<string, unknown> = { noDelay };
  for (const key of LISTEN_KEYS) if (options[key] !== undefined) listen[key] = options[key];
  const { maxConnections = Number.POSITIVE_INFINITY } = options;
  if (maxConnections !== Number.POSITIVE_INFINITY) {
    integer('maxConnections', maxConnections, 0, INT_MAX);
  }
  return {
    listen,
    noDelay,
    listener: givenListener(options),
    keepAlive: planKeepAlive(options.keepAlive ?? false),
    highWater: integer('highWater', options.highWater ?? 65_536, 1, INT_MAX),
    autoPause: boolean('autoPause', options.autoPause ?? true),
    allowHalfOpen: boolean('allowHalfOpen', options.allowHalfOpen ?? false),
    idleTimeoutMs: milliseconds('idleTimeoutMs', options.idleTimeoutMs ?? 0),
    lifetimeMs: milliseconds('lifetimeMs', options.lifetimeMs ?? 0),
    maxConnections,
  };
}

function planKeepAlive(keepAlive: boolean | KeepAlive): KeepAlive | undefined {
  if (typeof keepAlive === 'boolean') return keepAlive ? {} : undefined;
  onlyKeys('keepAlive', keepAlive, ['idleMs', 'intervalMs', 'count']);
  return keepAlive;
}
