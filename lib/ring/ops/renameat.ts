/** Gives a file another name. */
import {
  IORING_OP_RENAMEAT,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
} from '../../abi.js';
import { type CommonOptions, kind, nothing, type Operation } from '../operation.js';
import { flagBits } from './flags.js';
import type { PathLike } from './path.js';
import { fromTo, type TwoDirectoryOptions } from './two-paths.js';

const RENAMEAT = kind<void>({
  name: 'renameat',
  code: IORING_OP_RENAMEAT,
  since: '5.11',
  inWorker: true,
  decode: nothing,
});

const FLAGS = {
  noReplace: RENAME_NOREPLACE,
  exchange: RENAME_EXCHANGE,
  whiteout: RENAME_WHITEOUT,
} as const;

export interface RenameOptions extends CommonOptions, TwoDirectoryOptions {
  /** RENAME_NOREPLACE: fail when there is something of the new name. Default false. */
  noReplace?: boolean;
  /** RENAME_EXCHANGE: let the two change names, in one step. Default false. */
  exchange?: boolean;
  /** RENAME_WHITEOUT: leave a whiteout at the old name, for overlay file systems. Default false. */
  whiteout?: boolean;
}

/**
 * Moves `oldPath` to `newPath`, in place of what may be there, in one step.
 *
 * @errno EEXIST `noReplace`, and there is something of the new name
 * @errno EXDEV the two are on different file systems
 * @errno EINVAL the file system does not know one of the flags, or `exchange` stands with another
 * @kernel 5.11 IORING_OP_RENAMEAT
 * @man renameat2(2)
 */
export function renameat(
  oldPath: PathLike,
  newPath: PathLike,
  options: RenameOptions = {},
): Operation<void> {
  const operation = fromTo(RENAMEAT, oldPath, newPath, options);
  operation.common(options, 'oldDirfd', 'newDirfd', ...Object.keys(FLAGS));
  operation.operationFlags = flagBits(FLAGS, options);
  return operation;
}
