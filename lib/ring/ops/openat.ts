/** Opens a file. */
import {
  AT_FDCWD,
  IORING_OP_OPENAT,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from '../../abi.js';
import { type DirectFd, OwnedFd } from '../../fd/fd.js';
import { boolean, integer, oneOf } from '../../validate.js';
import { type Into, intoKind, placeInto } from '../into.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { type PathLike, pathBytes, shownPath } from './path.js';

const OPENAT = kind<OwnedFd>({
  name: 'openat',
  code: IORING_OP_OPENAT,
  since: '5.6',
  inWorker: true,
  yieldsFd: true,
  decode: (result) => OwnedFd.adopt(result),
});

const OPENAT_DIRECT = intoKind(OPENAT);

const ACCESS = { read: O_RDONLY, write: O_WRONLY, readwrite: O_RDWR } as const;
const FLAGS = {
  append: O_APPEND,
  create: O_CREAT,
  direct: O_DIRECT,
  directory: O_DIRECTORY,
  exclusive: O_EXCL,
  noFollow: O_NOFOLLOW,
  truncate: O_TRUNC,
} as const;

export interface OpenOptions extends CommonOptions {
  /** Default 'read'. */
  access?: keyof typeof ACCESS;
  append?: boolean;
  create?: boolean;
  /** O_DIRECT: past the page cache; memory, offset and length must be aligned. */
  direct?: boolean;
  directory?: boolean;
  /** With `create`: fail when the file is there already. */
  exclusive?: boolean;
  noFollow?: boolean;
  truncate?: boolean;
  /** Permissions of a created file, less the umask. Default 0o666. */
  mode?: number;
  /** More O_* bits. */
  rawFlags?: number;
}

/**
 * Opens `path`, relative to the working directory; gives an `OwnedFd`, close-on-exec; or, with
 * `into`, a `DirectFd` (5.15).
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
  const operation = new Operation<OwnedFd | DirectFd>(direct ? OPENAT_DIRECT : OPENAT);
  operation.common(options, 'access', 'mode', 'rawFlags', 'into', ...Object.keys(FLAGS));
  if (direct) placeInto(operation, options.into);
  const access = oneOf('access', options.access ?? 'read', ['read', 'write', 'readwrite'] as const);
  let flags = ACCESS[access] | (direct ? 0 : O_CLOEXEC);
  for (const [name, flag] of Object.entries(FLAGS) as [keyof typeof FLAGS, number][]) {
    if (boolean(name, options[name] ?? false)) flags |= flag;
  }
  flags |= integer('rawFlags', options.rawFlags ?? 0, 0, 2 ** 31 - 1);
  const mode = integer('mode', options.mode ?? 0o666, 0, 0o7777);
  const bytes = pathBytes('path', path);
  operation.about = { path: shownPath(path) };
  operation.fd = AT_FDCWD;
  operation.operationFlags = flags;
  operation.arguments(bytes.length, (self, block) => {
    block.bytes.set(bytes);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = mode;
  });
  return operation as Operation<OwnedFd> | Operation<DirectFd>;
}
