/** `bind` and `connect`: sockets for datagrams. */
import { AF_UNIX } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { sharedBackend } from '../loop/shared-backend.js';
import { encodeAddress, type SocketAddress } from '../socket/address.js';
import { connectDatagramSocket, nameUnixSocket, openDatagramSocket } from '../socket/datagram.js';
import { bindSocket } from '../socket/listen.js';
import { setSocketOptions } from '../socket/options.js';
import { abortSignal, invalidValue } from '../validate.js';
import { opens } from './channels.js';
import { DatagramSocket } from './datagram-socket.js';
import { type BindOptions, type ConnectOptions, planDatagrams } from './options.js';

/**
 * A socket that receives what is sent to its address.
 *
 * With a `messages` handler it is told of all that came together, and nothing is allocated for a
 * message; without one, `for await` and `receive` give the messages one by one.
 *
 * @errno EADDRINUSE another socket has the address
 * @errno EADDRNOTAVAIL the host is none of this machine's
 * @kernel 6.0 io_uring with multishot receive; 2.6.33 recvmmsg
 * @man bind(2), recvmmsg(2), udp(7), unix(7)
 */
export function bind(options: BindOptions = {}): DatagramSocket {
  return open(options, false, (socket, address) => bindSocket(socket, address));
}

/**
 * A socket that sends to one address, and receives from it only. It hears when nobody listens there
 * (ECONNREFUSED).
 *
 * @errno ENETUNREACH there is no way to it
 * @kernel 6.0 io_uring with multishot receive; 2.6.33 recvmmsg
 * @man connect(2), sendmmsg(2), udp(7), unix(7)
 */
export function connect(options: ConnectOptions): DatagramSocket {
  return open(options, true, (socket, address, family) => {
    const { local } = options;
    if (local !== undefined) {
      if (encodeAddress('local', local).family !== family) {
        throw invalidValue('local', 'must be of the same family as the address', local);
      }
      bindSocket(socket, local);
    } else if (family === AF_UNIX) nameUnixSocket(socket);
    connectDatagramSocket(socket, address);
  });
}

function open(
  options: ConnectOptions,
  connecting: boolean,
  prepare: (socket: OwnedFd, address: SocketAddress, family: number) => void,
): DatagramSocket {
  const plan = planDatagrams(options, connecting);
  const signal = abortSignal('signal', options.signal);
  signal?.throwIfAborted();
  const shared = sharedBackend(options.backend, true);
  const socket = openDatagramSocket(plan.family);
  try {
    setSocketOptions(socket, plan.settings);
    prepare(socket, plan.address, plan.family);
    const peer = connecting ? plan.address : undefined;
    const opened = new DatagramSocket(shared, socket, plan, options, peer);
    if (signal !== undefined) closeWith(signal, opened);
    if (opens.hasSubscribers) opens.publish({ socket: opened });
    return opened;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function closeWith(signal: AbortSignal, socket: DatagramSocket): void {
  const abort = (): void => void socket.close();
  signal.addEventListener('abort', abort, { once: true });
  void socket.whenClosed.then(() => signal.removeEventListener('abort', abort));
}
