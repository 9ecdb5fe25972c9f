/** What `nearmetal/loop` exports: the callbacks that net, http, dgram and fs are built on. */
export { encodeAddress, type SocketAddress } from '../socket/address.js';
export type {
  AcceptEvents,
  Acceptor,
  Backend,
  BackendName,
  BackendOptions,
  DatagramEvents,
  DatagramOptions,
  Datagrams,
  Done,
  FileDone,
  Pending,
  Poll,
  Stream,
  StreamEvents,
  StreamOptions,
} from './backend.js';
export { DatagramBatch } from './datagram-batch.js';
export { openBackend, openSocket } from './open.js';
