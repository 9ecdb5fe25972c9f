/** Makes a directory. */
import { IORING_OP_MKDIRAT } from '../../abi.js';
import { integer } from '../../validate.js';
import { type CommonOptions, kind, nothing, type Operation } from '../operation.js';
import {
  type DirectoryOptions,
  inDirectory,
  type PathLike,
  pathBytes,
  shownPath,
  withPaths,
} from './path.js';

const MKDIRAT = kind<void>({
  name: 'mkdirat',
  code: IORING_OP_MKDIRAT,
  since: '5.15',
  inWorker: true,
  decode: nothing,
});

export interface MkdirOptions extends CommonOptions, DirectoryOptions {
  /** Permissions, less the umask. Default 0o777. */
  mode?: number;
}

/**
 * Makes the directory `path`.
 *
 * @errno EEXIST there is something of that name
 * @kernel 5.15 IORING_OP_MKDIRAT
 * @man mkdirat(2)
 */
export function mkdirat(path: PathLike, options: MkdirOptions = {}): Operation<void> {
  const bytes = pathBytes('path', path);
  const operation = inDirectory(MKDIRAT, 'dirfd', options.dirfd);
  operation.common(options, 'dirfd', 'mode').length = integer(
    'mode',
    options.mode ?? 0o777,
    0,
    0o7777,
  );
  operation.about = { path: shownPath(path) };
  return withPaths(operation, bytes);
}
