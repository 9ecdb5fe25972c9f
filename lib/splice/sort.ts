/** What kind of thing a descriptor is, as far as moving bytes minds. */
import { F_GETFL, F_GETPIPE_SZ, O_NONBLOCK, SO_TYPE, SOL_SOCKET } from '../abi.js';
import { native } from '../native.js';

/** Of pipes a call waits only if it wants to; of sockets by their own flag; of files for a disk. */
export type Sort = 'pipe' | 'socket' | 'blocking socket' | 'file';

const type = new Int32Array(1);

export function sortOf(fd: number): Sort {
  if (native.fcntl(fd, F_GETPIPE_SZ, 0) >= 0) return 'pipe';
  if (native.getsockopt(fd, SOL_SOCKET, SO_TYPE, type) < 0) return 'file';
  return (native.fcntl(fd, F_GETFL, 0) & O_NONBLOCK) !== 0 ? 'socket' : 'blocking socket';
}
