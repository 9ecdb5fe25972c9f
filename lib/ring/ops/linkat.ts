/** Gives a file one more name. */
import { AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, IORING_OP_LINKAT } from '../../abi.js';
import { Descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { flagBits } from './flags.js';
import { type PathLike, pathBytes, shownPath, withPaths } from './path.js';
import { fromTo, type TwoDirectoryOptions, toDirectory } from './two-paths.js';

const LINKAT = kind<void>({
  name: 'linkat',
  code: IORING_OP_LINKAT,
  since: '5.15',
  inWorker: true,
  decode: nothing,
});

const FLAGS = { follow: AT_SYMLINK_FOLLOW } as const;

export interface LinkOptions extends CommonOptions, TwoDirectoryOptions {
  /** AT_SYMLINK_FOLLOW: link what a symbolic link points to, and not the link. Default false. */
  follow?: boolean;
}

/**
 * Makes `newPath` another name of the file `existing`: a path, or an open descriptor, which also
 * gives a file made with O_TMPFILE its first name.
 *
 * @errno EEXIST there is something of the new name
 * @errno ENOENT for a descriptor, also: this needs CAP_DAC_READ_SEARCH
 * @kernel 5.15 IORING_OP_LINKAT
 * @man linkat(2)
 */
export function linkat(
  existing: PathLike | FdLike,
  newPath: PathLike,
  options: LinkOptions = {},
): Operation<void> {
  const operation =
    existing instanceof Descriptor
      ? linkOpen(existing, newPath, options)
      : fromTo(LINKAT, existing, newPath, options);
  operation.common(options, 'oldDirfd', 'newDirfd', ...Object.keys(FLAGS));
  operation.operationFlags |= flagBits(FLAGS, options);
  return operation;
}

function linkOpen(file: FdLike, newPath: PathLike, { newDirfd }: LinkOptions): Operation<void> {
  const bytes = pathBytes('newPath', newPath);
  const operation = new Operation(LINKAT, plainDescriptor('existing', file));
  operation.operationFlags = AT_EMPTY_PATH;
  toDirectory(operation, newDirfd);
  operation.about = { path: shownPath(newPath) };
  return withPaths(operation, new Uint8Array(1), bytes);
}
