/** Which backend it is: the one asked for, or io_uring where it works. */
import { IORING_OP_SEND_ZC, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '../abi.js';
import { check, SystemError } from '../errors.js';
import { OwnedFd } from '../fd/fd.js';
import { features, opSupported, requireIoUring } from '../features.js';
import { native } from '../native.js';
import { encodeOnce, type SocketAddress } from '../socket/address.js';
import { boolean, integer, oneOf, onlyKeys } from '../validate.js';
import type { Backend, BackendName, BackendOptions } from './backend.js';
import { EpollBackend } from './epoll-backend.js';
import { RingBackend } from './ring-backend.js';

/**
 * Opens a backend for this thread. `name` and `why` say which it has become: where nobody asks for
 * one, epoll if io_uring does not work here or a limit leaves its ring no memory.
 *
 * NEARMETAL_DISABLE=io_uring makes it epoll wherever nobody asks for io_uring by name.
 *
 * @kernel 6.0 io_uring with multishot receive; 2.6.27 epoll
 * @man io_uring(7), epoll(7)
 */
export function openBackend(options: BackendOptions = {}): Backend {
  onlyKeys('options', options, ['backend', 'batched', 'highWater']);
  const batched = boolean('batched', options.batched ?? false);
  const highWater = integer('highWater', options.highWater ?? 65_536, 1, 2 ** 31 - 1);
  const asked = options.backend;
  if (asked !== undefined) oneOf('backend', asked, ['io_uring', 'epoll'] as const);
  if (asked === 'io_uring') requireIoUring();
  const { name, why } = asked === undefined ? choose() : { name: asked, why: 'asked for' };
  const plan = { batched, highWater, why };
  if (name === 'epoll') return new EpollBackend(plan);
  try {
    return new RingBackend(plan);
  } catch (error) {
    // Where rings count against RLIMIT_MEMLOCK one of this size may be too much, or one too many.
    if (asked !== undefined || !SystemError.is(error, 'ENOMEM')) throw error;
    return new EpollBackend({ ...plan, why: `io_uring has no room: ${error.hint}` });
  }
}

function choose(): { name: BackendName; why: string } {
  const { available, detail } = features.ioUring;
  if (!available) return { name: 'epoll', why: detail ?? 'io_uring cannot be used' };
  // It came with multishot receive, which cannot be probed for.
  if (!opSupported(IORING_OP_SEND_ZC)) {
    return { name: 'epoll', why: 'io_uring of this kernel has no multishot receive' };
  }
  return { name: 'io_uring', why: 'io_uring works here' };
}

/**
 * A socket to connect to `address`, close-on-exec and non-blocking.
 *
 * @man socket(2)
 */
export function openSocket(address: SocketAddress, type: number = SOCK_STREAM): OwnedFd {
  const { family } = encodeOnce('address', address);
  const flags = type | SOCK_CLOEXEC | SOCK_NONBLOCK;
  return OwnedFd.adopt(check(native.socket(family, flags, 0), 'socket'));
}
