/** Readiness of any descriptor over epoll, told once. */
import { EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../abi.js';
import { SystemError } from '../errors.js';
import { dup } from '../fd/fcntl.js';
import type { FdLike } from '../fd/fd.js';
import type { Pending } from './backend.js';
import type { EpollBackend } from './epoll-backend.js';
import type { Told } from './told.js';

export function tellWhenReady(
  backend: EpollBackend,
  fd: FdLike,
  direction: 'in' | 'out',
  told: Told,
): Pending {
  const later = (result: number): Pending => {
    process.nextTick(() => told.tell(result));
    return told;
  };
  try {
    // A registration of its own: several may wait for one descriptor.
    const copy = dup(fd);
    told.onReady = () => told.tell(0);
    const user = { open: true, letGo: () => told.cancel() };
    fd.addUser(user);
    told.onEnd = () => {
      user.open = false;
      copy.close();
    };
    backend.epoll.add(copy, direction === 'in' ? EPOLLIN | EPOLLRDHUP : EPOLLOUT, {
      tag: told.place,
    });
  } catch (error) {
    if (!SystemError.is(error)) throw error;
    // Files have no readiness: they are never waited for.
    return later(error.code === 'EPERM' ? 0 : error.errno);
  }
  return told;
}
