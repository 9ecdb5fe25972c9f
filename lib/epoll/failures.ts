/** The errors of an epoll. */
import { EPERM } from '../abi.js';
import { type SystemError, systemError } from '../errors.js';
import { fstat } from '../fstat.js';

/** Of epoll_ctl, which refuses some sorts of files. */
export function controlError(result: number, fd: number): SystemError {
  if (result !== -EPERM) return systemError(result, 'epoll_ctl', { fd });
  return systemError(result, 'epoll_ctl', { fd, facts: { fd, sort: sortOf(fd) } });
}

function sortOf(fd: number): string {
  try {
    const status = fstat(fd);
    if (status.isFile()) return 'a regular file';
    if (status.isDirectory()) return 'a folder';
  } catch {
    // Closed by now.
  }
  return 'a file that has no readiness';
}

export function closedError(): TypeError {
  return Object.assign(new TypeError('the epoll has been closed'), { code: 'ERR_INVALID_STATE' });
}
