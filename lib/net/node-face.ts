/** The functions of node:net: makers of servers and sockets. */
import type { ConnectOptions, Listener, ServerOptions, SocketOptions } from './node-arguments.js';
import { normalise } from './node-arguments.js';
import { Server } from './server.js';
import { Socket } from './socket.js';

/** A server, as node:net's of that name. */
export function createServer(listener?: (socket: Socket) => void): Server;
export function createServer(options?: ServerOptions, listener?: (socket: Socket) => void): Server;
export function createServer(
  first?: ServerOptions | ((socket: Socket) => void),
  second?: (socket: Socket) => void,
): Server {
  return typeof first === 'function' ? new Server(first) : new Server(first, second);
}

/** A socket on its way to be connected, as node:net's of that name. */
export function connect(options: ConnectOptions & SocketOptions, listener?: Listener): Socket;
export function connect(port: number, host: string, listener?: Listener): Socket;
export function connect(port: number, listener?: Listener): Socket;
export function connect(path: string, listener?: Listener): Socket;
export function connect(...given: unknown[]): Socket {
  const { options, listener } = normalise<ConnectOptions & SocketOptions>(given);
  const socket = new Socket(options);
  if (options.timeout) socket.setTimeout(options.timeout);
  return socket.connect(options, listener);
}

export const createConnection: typeof connect = connect;
