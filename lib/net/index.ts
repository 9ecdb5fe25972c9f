/** What `nearmetal/net` exports. */
export type { InternetAddress, SocketAddress, UnixAddress } from '../socket/address.js';
export { addressOf, type ListenOptions, listen } from '../socket/listen.js';
