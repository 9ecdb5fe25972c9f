/** Opens a file, by a path that must not lead where it should not. */
import {
  IORING_OP_OPENAT2,
  O_CLOEXEC,
  O_CREAT,
  O_TMPFILE,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../abi.js';
import { type DirectFd, OwnedFd } from '../../fd/fd.js';
import { type Into, intoKind, placeInto } from '../into.js';
import { kind, type Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import { flagBits } from './flags.js';
import { modeOf, OPEN_KEYS, type OpenOptions, openFlags } from './open-flags.js';
import { inDirectory, type PathLike, pathBytes, shownPath } from './path.js';

const OPENAT2 = kind<OwnedFd>({
  name: 'openat2',
  code: IORING_OP_OPENAT2,
  since: '5.6',
  inWorker: true,
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const OPENAT2_DIRECT = intoKind(OPENAT2);

const RESOLVE = {
  beneath: RESOLVE_BENEATH,
  inRoot: RESOLVE_IN_ROOT,
  noSymlinks: RESOLVE_NO_SYMLINKS,
  noMagiclinks: RESOLVE_NO_MAGICLINKS,
  noXdev: RESOLVE_NO_XDEV,
  cached: RESOLVE_CACHED,
} as const;

/** `struct open_how`: flags, mode and resolve, 64 bits each. */
const HOW_BYTES = 24;

export interface Openat2Options extends OpenOptions {
  /** RESOLVE_BENEATH: the path must stay under its directory (EXDEV). Default false. */
  beneath?: boolean;
  /** RESOLVE_IN_ROOT: the directory is the root, also for '/' and '..' within. Default false. */
  inRoot?: boolean;
  /** RESOLVE_NO_SYMLINKS: no part of the path may be a symbolic link (ELOOP). Default false. */
  noSymlinks?: boolean;
  /** RESOLVE_NO_MAGICLINKS: none may be one of /proc that leads anywhere. Default false. */
  noMagiclinks?: boolean;
  /** RESOLVE_NO_XDEV: the path must not cross into another mount (EXDEV). Default false. */
  noXdev?: boolean;
  /** RESOLVE_CACHED (5.12): only if nothing has to be read for it (EAGAIN). Default false. */
  cached?: boolean;
}

/**
 * Opens `path` as `openat` does, and refuses where the path leads through what the options forbid:
 * for paths that come from somebody else. Unknown flags are refused, and `mode` is for new files.
 *
 * @errno EXDEV it would leave its directory or mount @errno ELOOP it goes through a symbolic link
 * @errno EAGAIN `cached`, and something is not; or the path changed meanwhile
 * @kernel 5.6 IORING_OP_OPENAT2
 * @man openat2(2)
 */
export function openat2(path: PathLike, options?: Openat2Options): Operation<OwnedFd>;
export function openat2(path: PathLike, options: Openat2Options & Into): Operation<DirectFd>;
export function openat2(
  path: PathLike,
  options: Openat2Options & Partial<Into> = {},
): Operation<OwnedFd> | Operation<DirectFd> {
  const direct = options?.into !== undefined;
  const bytes = pathBytes('path', path);
  const of = direct ? OPENAT2_DIRECT : OPENAT2;
  const operation = inDirectory<OwnedFd | DirectFd>(of, 'dirfd', options?.dirfd);
  operation.common(options, 'into', ...OPEN_KEYS, ...Object.keys(RESOLVE));
  if (direct) placeInto(operation, options.into);
  const flags = openFlags(options) | (direct ? 0 : O_CLOEXEC);
  const creates = (flags & O_CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE;
  // A mode that has no use is an error here.
  const mode = creates || options.mode !== undefined ? modeOf(options) : 0;
  const resolve = flagBits(RESOLVE, options);
  operation.about = { path: shownPath(path) };
  operation.length = HOW_BYTES;
  operation.arguments(HOW_BYTES + bytes.length, (self, block) => {
    block.words.set([flags, 0, mode, 0, resolve, 0]);
    block.bytes.set(bytes, HOW_BYTES);
    const low = (block.addressLow >>> 0) + HOW_BYTES;
    self.addressLow = low | 0;
    self.addressHigh = block.addressHigh + highWord(low);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
  });
  return operation as Operation<OwnedFd> | Operation<DirectFd>;
}
