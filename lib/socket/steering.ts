/** Which of the sockets that share a port gets a connection: the one of the CPU it came in on. */
import { SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_REUSEPORT_BPF, SOL_SOCKET } from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { integer } from '../validate.js';

const SOCKETS_MAX = 65_535;
/** Classic BPF: load the number of the CPU, take the remainder, answer it. */
const LOAD_ABSOLUTE = 0x20;
const REMAINDER = 0x94;
const ANSWER = 0x16;
/** The offset that stands for the CPU (SKF_AD_OFF + SKF_AD_CPU). */
const CPU = -0x1000 + 36;

/**
 * Steers what comes in on CPU n to the socket that was the (n modulo `socketCount`)th to listen
 * (or, for datagrams, to be bound), of all that share the port by `reusePort`. It holds for all of
 * them, whichever it is set on; where it answers a socket that is not there, the kernel chooses as
 * without it.
 *
 * @param socketCount how many share the port: as many as there are threads, each on its own CPU
 * @errno EINVAL the socket has no `reusePort`
 * @kernel 4.5 SO_ATTACH_REUSEPORT_CBPF
 * @man socket(7)
 */
export function steerByCpu(socket: FdLike, socketCount: number): void {
  integer('socketCount', socketCount, 1, SOCKETS_MAX);
  const { fd } = plainDescriptor('socket', socket);
  const program = new Uint8Array(24);
  const view = new DataView(program.buffer);
  [LOAD_ABSOLUTE, REMAINDER, ANSWER].forEach((code, index) => {
    view.setUint16(index * 8, code, true);
  });
  view.setInt32(4, CPU, true);
  view.setUint32(12, socketCount, true);
  const result = native.attachFilter(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program);
  check(result, 'setsockopt', { fd, facts: { option: 'SO_ATTACH_REUSEPORT_CBPF' } });
}

/**
 * The kernel spreads connections again as it likes.
 *
 * @errno ENOENT nothing steers them
 * @kernel 5.3 SO_DETACH_REUSEPORT_BPF
 * @man socket(7)
 */
export function stopSteering(socket: FdLike): void {
  const { fd } = plainDescriptor('socket', socket);
  const result = native.setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, Int32Array.of(0));
  check(result, 'setsockopt', { fd, facts: { option: 'SO_DETACH_REUSEPORT_BPF' } });
}
