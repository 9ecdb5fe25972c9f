/** The end of a socket that listens, in the order that loses no connection by a reset. */
import type { OwnedFd } from '../fd/fd.js';
import type { SocketAddress } from '../socket/address.js';
import { endListening } from '../socket/listen.js';
import { unlinkPath } from './path-of-socket.js';

/** The name of a Unix socket goes with it. Whoever accepts from it has been told to stop. */
export function stopListening(socket: OwnedFd, address: SocketAddress): void {
  endListening(socket);
  socket.close();
  if ('path' in address) unlinkPath(address.path);
}
