/** What `nearmetal/dgram` exports. */
export type { InternetAddress, SocketAddress, UnixAddress } from '../socket/address.js';
export {
  type Interface,
  joinGroup,
  leaveGroup,
  type Membership,
} from '../socket/multicast.js';
export type { BesideOptions } from './beside.js';
export { DatagramSocket, type DatagramStats } from './datagram-socket.js';
export type { ReceiveOptions } from './incoming.js';
export { Message, Messages } from './message.js';
export { bind, connect } from './open.js';
export type {
  BindOptions,
  ConnectOptions,
  DatagramHandlers,
  DatagramSocketOptions,
} from './options.js';
export { Peer } from './peer.js';
export type { SendOptions } from './send-options.js';
