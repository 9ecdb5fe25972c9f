/** Opens a file. */
import { IORING_OP_OPENAT, O_CLOEXEC } from '../../abi.js';
import { type DirectFd, OwnedFd } from '../../fd/fd.js';
import { type Into, intoKind, placeInto } from '../into.js';
import { kind, type Operation } from '../operation.js';
import { modeOf, OPEN_KEYS, type OpenOptions, openFlags } from './open-flags.js';
import { inDirectory, type PathLike, pathBytes, shownPath, withPaths } from './path.js';

const OPENAT = kind<OwnedFd>({
  name: 'openat',
  code: IORING_OP_OPENAT,
  since: '5.6',
  inWorker: true,
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const OPENAT_DIRECT = intoKind(OPENAT);

/**
 * Opens `path`, relative to `dirfd` or the working directory; gives an `OwnedFd`, close-on-exec;
 * or, with `into`, a `DirectFd` (5.15).
 *
 * @errno EINVAL the file system has no O_DIRECT, and `direct` was asked for
 * @kernel 5.6 IORING_OP_OPENAT
 * @man openat(2)
 */
export function openat(path: PathLike, options?: OpenOptions): Operation<OwnedFd>;
export function openat(path: PathLike, options: OpenOptions & Into): Operation<DirectFd>;
export function openat(
  path: PathLike,
  options: OpenOptions & Partial<Into> = {},
): Operation<OwnedFd> | Operation<DirectFd> {
  const direct = options?.into !== undefined;
  const bytes = pathBytes('path', path);
  const of = direct ? OPENAT_DIRECT : OPENAT;
  const operation = inDirectory<OwnedFd | DirectFd>(of, 'dirfd', options?.dirfd);
  operation.common(options, 'into', ...OPEN_KEYS);
  if (direct) placeInto(operation, options.into);
  operation.operationFlags = openFlags(options) | (direct ? 0 : O_CLOEXEC);
  operation.length = modeOf(options);
  operation.about = { path: shownPath(path) };
  return withPaths(operation, bytes) as Operation<OwnedFd> | Operation<DirectFd>;
}
