/** Makes a symbolic link. */
import { IORING_OP_SYMLINKAT } from '../../abi.js';
import { type CommonOptions, kind, nothing, type Operation } from '../operation.js';
import {
  type DirectoryOptions,
  inDirectory,
  type PathLike,
  pathBytes,
  shownPath,
  withPaths,
} from './path.js';

const SYMLINKAT = kind<void>({
  name: 'symlinkat',
  code: IORING_OP_SYMLINKAT,
  since: '5.15',
  inWorker: true,
  decode: nothing,
});

export interface SymlinkOptions extends CommonOptions, DirectoryOptions {}

/**
 * Makes `path` a symbolic link that says `target`, which need not be there; `dirfd` is for `path`.
 *
 * @errno EEXIST there is something of that name
 * @kernel 5.15 IORING_OP_SYMLINKAT
 * @man symlinkat(2)
 */
export function symlinkat(
  target: PathLike,
  path: PathLike,
  options: SymlinkOptions = {},
): Operation<void> {
  const [contents, bytes] = [pathBytes('target', target), pathBytes('path', path)];
  const operation = inDirectory(SYMLINKAT, 'dirfd', options.dirfd).common(options, 'dirfd');
  operation.about = { path: shownPath(target), dest: shownPath(path) };
  return withPaths(operation, contents, bytes);
}
