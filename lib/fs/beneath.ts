/** Opens files by names that come from somebody else: they cannot lead out of their folder. */
import {
  EAGAIN,
  EINVAL,
  ENOSYS,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
} from '../abi.js';
import { check } from '../errors.js';
import { type Descriptor, OwnedFd } from '../fd/fd.js';
import { openCached } from '../fd/open-cached.js';
import { pathBytes } from '../path.js';
import { poolOpenat2 } from '../pool/calls.js';

const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
/** What waits for a writer, such as a FIFO, is opened at once: it is no file, and is refused. */
const FLAGS = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
/** Others rename what is on the way: the kernel asks to try again. */
const TRIES = 16;

/**
 * Opens `path` to read. Under `root` neither '..' nor a symbolic link leads out of that folder;
 * without a root it may lead anywhere. Nothing is waited for but the disk: of a FIFO, too, it is
 * the descriptor at once, so look at what it is before you read.
 *
 * Names that the kernel has in memory are opened at once, others by a helper thread.
 *
 * @errno EXDEV it leads out of `root`
 * @errno ELOOP it goes through a magic link of /proc, or too many links
 * @errno EAGAIN others keep renaming what is on the way
 * @kernel 5.6
 * @man openat2(2)
 */
export async function openBeneath(root: string | undefined, path: string): Promise<OwnedFd> {
  const bytes = pathBytes('path', path);
  if (root === undefined) return openFrom(undefined, bytes, FLAGS, 0, path);
  const folderBytes = pathBytes('root', root);
  using folder = await openFrom(undefined, folderBytes, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, root);
  return await openFrom(folder, bytes, FLAGS, RESOLVE, path);
}

async function openFrom(
  directory: Descriptor | undefined,
  path: Uint8Array,
  flags: number,
  resolve: number,
  shown: string,
): Promise<OwnedFd> {
  const cached = openCached(directory, path, flags, resolve);
  if (cached instanceof OwnedFd) return cached;
  // Not in memory; or a kernel that knows no RESOLVE_CACHED.
  let result = cached;
  if ([-EAGAIN, -EINVAL, -ENOSYS].includes(cached)) {
    const unterminated = path.subarray(0, -1);
    for (let tries = 0; tries < TRIES; tries++) {
      result = await poolOpenat2(directory, unterminated, flags, 0, resolve);
      if (result !== -EAGAIN) break;
    }
  }
  return OwnedFd.adopt(check(result, 'openat2', { path: shown }));
}
