/** Descriptors and credentials over Unix sockets: unix(7). */
import {
  AF_UNIX,
  EAGAIN,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SO_PASSCRED,
  SO_PASSPIDFD,
  SO_PEERCRED,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import {
  boolean,
  bytesView,
  integer,
  invalidType,
  invalidValue,
  oneOf,
  onlyKeys,
} from '../validate.js';
import {
  CREDENTIALS_BYTES,
  type Credentials,
  controlSpace,
  encodeControl,
  parseControl,
} from './control-messages.js';
import { type FdLike, OwnedFd, plainDescriptor } from './fd.js';
import { PidFd } from './pid-fd.js';

/** SCM_MAX_FD of the kernel. */
export const FDS_MAX = 253;
const FD_BYTES = 4;
const ID_MAX = 2 ** 32 - 1;
const TYPES = {
  stream: SOCK_STREAM,
  seqpacket: SOCK_SEQPACKET,
  dgram: SOCK_DGRAM,
} as const;

export interface SocketpairOptions {
  /** Default 'stream'; the others keep messages apart. */
  type?: keyof typeof TYPES;
  /** For plain calls and epoll; rings wait on blocking ones as well. Default false. */
  nonblocking?: boolean;
}

/**
 * Two Unix sockets, connected with each other.
 *
 * @kernel 2.6.27
 * @man socketpair(2), unix(7)
 */
export function socketpair(options: SocketpairOptions = {}): [OwnedFd, OwnedFd] {
  onlyKeys('options', options, ['type', 'nonblocking']);
  const types = Object.keys(TYPES) as (keyof typeof TYPES)[];
  const type = TYPES[oneOf('type', options.type ?? 'stream', types)];
  const nonblocking = boolean('nonblocking', options.nonblocking ?? false);
  const flags = SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
  const pair = new Int32Array(2);
  check(native.socketpair(AF_UNIX, type | flags, 0, pair), 'socketpair');
  const [left = -1, right = -1] = pair;
  return [OwnedFd.adopt(left), OwnedFd.adopt(right)];
}

export interface SendFdsOptions {
  /** Sent as they are where the kernel finds them true, or the sender may lie (CAP_SYS_ADMIN). */
  credentials?: Credentials;
  /** Fails with EAGAIN, as `undefined`, where it would wait; as on nonblocking sockets. */
  dontWait?: boolean;
}

/**
 * Sends `bytes`, at least one, and copies of `fds` with them. Answers how many bytes went; the
 * descriptors went with the first. Undefined where it would have to wait.
 *
 * @errno ETOOMANYREFS more descriptors are on their way than RLIMIT_NOFILE allows
 * @errno EPERM credentials that are not the sender's own
 * @errno EPIPE nobody is there to receive
 * @man sendmsg(2), unix(7)
 */
export function sendFds(
  socket: FdLike,
  bytes: ArrayBufferView,
  fds: readonly FdLike[],
  options: SendFdsOptions = {},
): number | undefined {
  onlyKeys('options', options, ['credentials', 'dontWait']);
  const { fd } = plainDescriptor('socket', socket);
  const source = notEmpty('bytes', bytes);
  if (!Array.isArray(fds)) throw invalidType('fds', 'an array of descriptors', fds);
  if (fds.length > FDS_MAX) throw invalidValue('fds', `must be at most ${FDS_MAX}`, fds);
  const numbers = fds.map((each, index) => plainDescriptor(`fds[${index}]`, each).fd);
  const credentials = credentialsOf(options.credentials);
  const dontWait = boolean('dontWait', options.dontWait ?? false);
  const flags = MSG_NOSIGNAL | (dontWait ? MSG_DONTWAIT : 0);
  const control = encodeControl(numbers, credentials) ?? null;
  const result = native.sendmsg(fd, source, control, flags);
  return result === -EAGAIN ? undefined : check(result, 'sendmsg', { fd });
}

export interface ReceiveFdsOptions {
  /** Descriptors that there is room for; more are an error, and closed. Default 253, the most. */
  maxFds?: number;
  /** Answers undefined where it would wait; as on nonblocking sockets. Default false. */
  dontWait?: boolean;
}

/** What came in one message, or, from a stream, in one piece. */
export interface ReceivedFds {
  /** 0 when the other side has closed. */
  readonly bytesRead: number;
  /** Yours to close; closed on exec. */
  readonly fds: readonly OwnedFd[];
  /** Of the sender, with `passCredentials`. */
  readonly credentials: Credentials | undefined;
  /** Of the sender, with `passPidFd`; yours to close. */
  readonly pidfd: PidFd | undefined;
}

/**
 * Receives bytes into `target`, and the descriptors that came with them.
 *
 * Where there was no room for all descriptors, those that came are closed, and it fails with
 * `ERR_NEARMETAL_TRUNCATED`; as it does for a message longer than `target`.
 *
 * @errno EAGAIN never: that is `undefined`
 * @man recvmsg(2), unix(7)
 */
export function receiveFds(
  socket: FdLike,
  target: ArrayBufferView,
  options: ReceiveFdsOptions = {},
): ReceivedFds | undefined {
  onlyKeys('options', options, ['maxFds', 'dontWait']);
  const { fd } = plainDescriptor('socket', socket);
  const view = notEmpty('target', target);
  const maxFds = integer('maxFds', options.maxFds ?? FDS_MAX, 0, FDS_MAX);
  const dontWait = boolean('dontWait', options.dontWait ?? false);
  const space =
    controlSpace(maxFds * FD_BYTES) + controlSpace(CREDENTIALS_BYTES) + controlSpace(FD_BYTES);
  const control = new Uint8Array(space);
  const outcome = new Uint32Array(2);
  const asked = MSG_CMSG_CLOEXEC | (dontWait ? MSG_DONTWAIT : 0);
  const result = native.recvmsg(fd, view, control, asked, outcome);
  if (result === -EAGAIN) return undefined;
  const bytesRead = check(result, 'recvmsg', { fd });
  const [length = 0, flags = 0] = outcome;
  const came = parseControl(control.subarray(0, length));
  const fds = came.fds.map((each) => OwnedFd.adopt(each));
  // A negative one stands for a process that is gone.
  const pidfd = (came.pidfd ?? -1) < 0 ? undefined : PidFd.adopt(came.pidfd as number);
  const cut = (flags & (MSG_CTRUNC | MSG_TRUNC)) !== 0;
  if (!cut && fds.length <= maxFds) return { bytesRead, fds, credentials: came.credentials, pidfd };
  for (const each of [...fds, pidfd]) each?.close();
  throw truncated((flags & MSG_TRUNC) !== 0 ? 'bytes' : 'descriptors', fds.length);
}

/**
 * Makes every message that `socket` receives carry its sender's credentials (SO_PASSCRED).
 *
 * @man unix(7)
 */
export function passCredentials(socket: FdLike, on = true): void {
  setOption(socket, SO_PASSCRED, on);
}

/**
 * Makes every message that `socket` receives carry a pidfd of its sender (SO_PASSPIDFD).
 *
 * @errno ENOPROTOOPT the kernel does not know it
 * @kernel 6.5
 * @man unix(7)
 */
export function passPidFd(socket: FdLike, on = true): void {
  setOption(socket, SO_PASSPIDFD, on);
}

/**
 * Who was at the other end of a stream when it was connected (SO_PEERCRED).
 *
 * @man unix(7)
 */
export function peerCredentials(socket: FdLike): Credentials {
  const { fd } = plainDescriptor('socket', socket);
  const ids = new Uint32Array(3);
  check(native.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ids), 'getsockopt', { fd });
  const [pid = 0, uid = 0, gid = 0] = ids;
  return { pid, uid, gid };
}

function setOption(socket: FdLike, name: number, on: boolean): void {
  const { fd } = plainDescriptor('socket', socket);
  const value = Int32Array.of(boolean('on', on) ? 1 : 0);
  check(native.setsockopt(fd, SOL_SOCKET, name, value), 'setsockopt', { fd });
}

function notEmpty(name: string, value: unknown): ArrayBufferView {
  const view = bytesView(name, value);
  if (view.byteLength > 0) return view;
  throw invalidValue(name, 'must have room for a byte: descriptors travel with one', value);
}

function credentialsOf(given: unknown): Credentials | undefined {
  if (given === undefined) return undefined;
  onlyKeys('credentials', given, ['pid', 'uid', 'gid']);
  const id = (name: keyof Credentials): number =>
    integer(`credentials.${name}`, (given as Credentials)[name], 0, ID_MAX);
  return { pid: id('pid'), uid: id('uid'), gid: id('gid') };
}

/** Half of what was sent must not look like all of it. */
function truncated(what: 'bytes' | 'descriptors', closed: number): Error & { code: string } {
  const rest = closed > 0 ? `; the ${closed} descriptors that came are closed` : '';
  const error = new RangeError(`the message had more ${what} than there was room for${rest}`);
  return Object.assign(error, { code: 'ERR_NEARMETAL_TRUNCATED' });
}
