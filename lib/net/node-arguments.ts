/** The many ways to call `connect` and `listen`, as node:net has them. */
import type { LookupFunction, OnReadOpts } from 'node:net';
import type { BackendName } from '../loop/backend.js';

export type Listener = () => void;

export interface ConnectOptions {
  host?: string | undefined;
  port?: number | string | undefined;
  path?: string | undefined;
  localAddress?: string | undefined;
  localPort?: number | undefined;
  family?: number | undefined;
  hints?: number | undefined;
  lookup?: LookupFunction | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  keepAliveInitialDelay?: number | undefined;
  autoSelectFamily?: boolean | undefined;
  autoSelectFamilyAttemptTimeout?: number | undefined;
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface SocketOptions {
  fd?: number | undefined;
  allowHalfOpen?: boolean | undefined;
  readable?: boolean | undefined;
  writable?: boolean | undefined;
  highWaterMark?: number | undefined;
  onread?: OnReadOpts | undefined;
  signal?: AbortSignal | undefined;
  /** Not Node's: which backend carries it. Default: io_uring where it works. */
  backend?: BackendName | undefined;
}

export interface ServerOptions {
  allowHalfOpen?: boolean | undefined;
  pauseOnConnect?: boolean | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  keepAliveInitialDelay?: number | undefined;
  highWaterMark?: number | undefined;
  /** Not Node's: which backend carries it. Default: io_uring where it works. */
  backend?: BackendName | undefined;
}

export interface ListenArguments {
  port?: number | string | undefined;
  host?: string | undefined;
  path?: string | undefined;
  fd?: number | undefined;
  backlog?: number | undefined;
  exclusive?: boolean | undefined;
  readableAll?: boolean | undefined;
  writableAll?: boolean | undefined;
  ipv6Only?: boolean | undefined;
  reusePort?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

const isPath = (value: unknown): value is string =>
  typeof value === 'string' && !(Number(value) >= 0);

/** `(options)`, `(path)` or `(port, host)`, each with a listener behind it. */
export function normalise<Options>(given: readonly unknown[]): {
  options: Options;
  listener: Listener | undefined;
} {
  const last = given.at(-1);
  const listener = typeof last === 'function' ? (last as Listener) : undefined;
  const [first, second] = given;
  let options: object = {};
  if (typeof first === 'object' && first !== null) options = first;
  else if (isPath(first)) options = { path: first };
  else if (given.length > 0 && typeof first !== 'function') {
    options = { port: first, ...(typeof second === 'string' ? { host: second } : {}) };
  }
  return { options: options as Options, listener };
}

/** The number that stands behind port, path or host: how many connections may wait. */
export function backlogOf(given: readonly unknown[]): number | undefined {
  const backlog = given.slice(1).find((value) => typeof value === 'number');
  return backlog as number | undefined;
}
