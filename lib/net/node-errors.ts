/** Errors as node:net makes them: their codes, their messages, their properties. */
import { getSystemErrorMap } from 'node:util';

type Coded = Error & { code: string };

const make = <T extends Error>(error: T, code: string): T & { code: string } => {
  const coded = Object.assign(error, { code });
  // As Node's own: the code is in the stack, and not in the name.
  const callers = (error.stack ?? '').replace(/^[^\n]*\n/, '');
  coded.stack = `${error.name} [${code}]: ${error.message}\n${callers}`;
  return coded;
};

export const closedBeforeConnection = (): Coded =>
  make(
    new Error('Socket closed before the connection was established'),
    'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
  );
export const socketClosed = (): Coded => make(new Error('Socket is closed'), 'ERR_SOCKET_CLOSED');
export const serverNotRunning = (): Coded =>
  make(new Error('Server is not running.'), 'ERR_SERVER_NOT_RUNNING');
export const alreadyListening = (): Coded =>
  make(
    new Error('Listen method has been called more than once without closing.'),
    'ERR_SERVER_ALREADY_LISTEN',
  );
export const invalidHandleType = (): Coded =>
  make(new TypeError('This handle type cannot be sent'), 'ERR_INVALID_HANDLE_TYPE');
export const invalidAddress = (address: unknown): Coded =>
  make(new TypeError(`Invalid IP address: ${address}`), 'ERR_INVALID_IP_ADDRESS');
export const missingArguments = (...names: string[]): Coded => {
  const list = names.map((name) => `"${name}"`);
  const text = list.length > 1 ? list.join(' or ') : `${list[0]}`;
  return make(new TypeError(`The ${text} argument must be specified`), 'ERR_MISSING_ARGS');
};
export const invalidFamily = (family: unknown, host: string, port: number): Coded =>
  Object.assign(
    make(
      new RangeError(`Invalid address family: ${family} ${host}:${port}`),
      'ERR_INVALID_ADDRESS_FAMILY',
    ),
    { host, port },
  );
/** The peer ended first, and the socket is not for half-open connections. */
export const endedByPeer = (): Coded =>
  Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });

/** Answers a port, or throws as Node does. */
export function portOf(port: unknown, name = 'Port', zeroAllowed = true): number {
  const number = typeof port === 'string' && port.trim() === '' ? Number.NaN : Number(port);
  const typed = typeof port === 'number' || typeof port === 'string';
  if (typed && Number.isInteger(number) && number >= (zeroAllowed ? 0 : 1) && number <= 65_535) {
    return number;
  }
  const range = zeroAllowed ? '>= 0' : '> 0';
  const { inspect } = process.getBuiltinModule('node:util');
  const received = typeof port === 'string' ? `type string (${inspect(port)})` : describe(port);
  throw make(
    new RangeError(`${name} should be ${range} and < 65536. Received ${received}.`),
    'ERR_SOCKET_BAD_PORT',
  );
}

function describe(value: unknown): string {
  const { inspect } = process.getBuiltinModule('node:util');
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === 'object') return `an instance of ${value.constructor?.name ?? 'Object'}`;
  return `type ${typeof value} (${inspect(value)})`;
}

const nameOf = (result: number): [string, string] =>
  getSystemErrorMap().get(result) ?? [`UNKNOWN ${result}`, 'unknown error'];

/** 'read ECONNRESET' */
export function failedCall(result: number, syscall: string): NodeJS.ErrnoException {
  const [code] = nameOf(result);
  return Object.assign(new Error(`${syscall} ${code}`), { errno: result, code, syscall });
}

/** 'connect ECONNREFUSED 127.0.0.1:80', with where it was to go. */
export function failedConnect(
  result: number,
  to: { address: string; port?: number },
  local?: string,
): NodeJS.ErrnoException {
  const [code] = nameOf(result);
  const where = to.port === undefined ? to.address : `${to.address}:${to.port}`;
  const from = local === undefined ? '' : ` - Local (${local})`;
  const error = new Error(`connect ${code} ${where}${from}`);
  return Object.assign(error, { errno: result, code, syscall: 'connect', ...to });
}

/** 'listen EADDRINUSE: address already in use 127.0.0.1:80', and the same for bind. */
export function failedListen(
  result: number,
  address: string,
  port?: number,
): NodeJS.ErrnoException {
  const [code, words] = nameOf(result);
  const where = port === undefined ? address : `${address}:${port}`;
  const error = new Error(`listen ${code}: ${words} ${where}`);
  const about = port === undefined ? { address } : { address, port };
  return Object.assign(error, { code, errno: result, syscall: 'listen', ...about });
}
