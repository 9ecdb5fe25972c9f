/** Opens files whose names the kernel has in memory: openat2(2) that does not wait for a disk. */
import { AT_FDCWD, O_CLOEXEC, RESOLVE_CACHED } from '../abi.js';
import { native } from '../native.js';
import { type Descriptor, OwnedFd } from './fd.js';

/**
 * Opens a terminated path; or answers `-errno`, -EAGAIN where a disk would have to be read.
 *
 * @kernel 5.12
 * @man openat2(2)
 */
export function openCached(
  directory: Descriptor | undefined,
  path: Uint8Array,
  flags: number,
  resolve: number,
): OwnedFd | number {
  const dirfd = directory?.fd ?? AT_FDCWD;
  const result = native.openat2(dirfd, path, flags | O_CLOEXEC, 0, resolve | RESOLVE_CACHED);
  return result < 0 ? result : OwnedFd.adopt(result);
}
