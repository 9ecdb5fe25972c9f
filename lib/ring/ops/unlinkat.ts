/** Removes a name, and the file with its last one. */
import { AT_REMOVEDIR, IORING_OP_UNLINKAT } from '../../abi.js';
import { type CommonOptions, kind, nothing, type Operation } from '../operation.js';
import { flagBits } from './flags.js';
import {
  type DirectoryOptions,
  inDirectory,
  type PathLike,
  pathBytes,
  shownPath,
  withPaths,
} from './path.js';

const UNLINKAT = kind<void>({
  name: 'unlinkat',
  code: IORING_OP_UNLINKAT,
  since: '5.11',
  inWorker: true,
  decode: nothing,
});

const FLAGS = { removeDir: AT_REMOVEDIR } as const;

export interface UnlinkOptions extends CommonOptions, DirectoryOptions {
  /** AT_REMOVEDIR: remove an empty directory, as rmdir(2) does, and nothing else. Default false. */
  removeDir?: boolean;
}

/**
 * Removes the name `path`.
 *
 * @errno EISDIR it is a directory, and `removeDir` was not asked for
 * @errno ENOTEMPTY the directory has entries
 * @kernel 5.11 IORING_OP_UNLINKAT
 * @man unlinkat(2)
 */
export function unlinkat(path: PathLike, options: UnlinkOptions = {}): Operation<void> {
  const bytes = pathBytes('path', path);
  const operation = inDirectory(UNLINKAT, 'dirfd', options.dirfd);
  operation.common(options, 'dirfd', ...Object.keys(FLAGS));
  operation.operationFlags = flagBits(FLAGS, options);
  operation.about = { path: shownPath(path) };
  return withPaths(operation, bytes);
}
