/** Whether bytes of a file can be had without waiting for a disk. */
import { ENOSYS, RWF_NOWAIT } from '../abi.js';
import { native } from '../native.js';

const PAGE = native.pageBytes;
const probe = [new Uint8Array(1)];
let supported = true;

/**
 * True when all of the range is in the page cache. False also where the kernel cannot tell (before
 * 6.5), or will not (the file is another user's).
 *
 * Counted are pages that are on their way from the disk, too: so the last byte is tried.
 */
export function isResident(fd: number, offset: number, length: number): boolean {
  if (!supported || length <= 0) return false;
  const pages = native.cachestat(fd, offset, length);
  if (pages === -ENOSYS) supported = false;
  const end = offset + length;
  if (pages < Math.ceil(end / PAGE) - Math.floor(offset / PAGE)) return false;
  return native.preadv2(fd, probe, end - 1, RWF_NOWAIT) === 1;
}
