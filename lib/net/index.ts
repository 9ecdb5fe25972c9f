/** What `nearmetal/net` exports. */

export {
  BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  SocketAddress,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net';
export type { Received } from '../loop/received.js';
export type { InternetAddress, SocketAddress as Address, UnixAddress } from '../socket/address.js';
export { addressOf, type ListenOptions, listen, peerAddressOf } from '../socket/listen.js';
export {
  getSocketOption,
  type PeerCredentials,
  peerCredentials,
  type SocketOptionName,
  type SocketOptions,
  type SocketOptionValue,
  setLinger,
  setSocketOption,
  setSocketOptions,
} from '../socket/options.js';
export { steerByCpu, stopSteering } from '../socket/steering.js';
export { type TcpInfo, type TcpState, tcpInfo } from '../socket/tcp-info.js';
export { Connection, type ConnectionOptions } from './connection.js';
export { Listener, type ListenerOptions } from './listener.js';
export type {
  ConnectOptions,
  ListenArguments,
  ServerOptions,
  SocketOptions as SocketConstructorOptions,
} from './node-arguments.js';
export { connect, createConnection, createServer } from './node-face.js';
export {
  type DrainOptions,
  type OpenConnections,
  type ServeStats,
  type Serving,
  serve,
} from './serve.js';
export type { KeepAlive, ServeHandlers, ServeOptions } from './serve-options.js';
export type { ServedConnection } from './served-connection.js';
export { Server } from './server.js';
export { type AddressInfo, Socket, Socket as Stream, type SocketReadyState } from './socket.js';
