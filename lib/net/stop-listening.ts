/** The end of a socket that listens, in the order that loses no connection by a reset. */
import type { OwnedFd } from '../fd/fd.js';
import type { Acceptor } from '../loop/backend.js';
import type { SocketAddress } from '../socket/address.js';
import { endListening } from '../socket/listen.js';
import { unlinkPath } from './path-of-socket.js';

/** Accepts no more; the name of a Unix socket goes with it. */
export function stopListening(acceptor: Acceptor, socket: OwnedFd, address: SocketAddress): void {
  acceptor.close();
  endListening(socket);
  socket.close();
  if ('path' in address) unlinkPath(address.path);
}
