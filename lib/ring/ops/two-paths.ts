/** What renameat and linkat share: an old path and a new one, each with a place to start from. */
import { AT_FDCWD } from '../../abi.js';
import { type FdLike, plainDescriptor } from '../../fd/fd.js';
import type { Operation, OperationKind } from '../operation.js';
import { inDirectory, type PathLike, pathBytes, shownPath, withPaths } from './path.js';

/** Where two relative paths start. */
export interface TwoDirectoryOptions {
  /** An open directory that the old path starts at. Default: the working directory. */
  oldDirfd?: FdLike;
  /** An open directory that the new path starts at. Default: the working directory. */
  newDirfd?: FdLike;
}

/** An operation on an old path and a new one. */
export function fromTo(
  of: OperationKind<void>,
  oldPath: PathLike,
  newPath: PathLike,
  { oldDirfd, newDirfd }: TwoDirectoryOptions,
): Operation<void> {
  const [from, to] = [pathBytes('oldPath', oldPath), pathBytes('newPath', newPath)];
  const operation = inDirectory(of, 'oldDirfd', oldDirfd);
  toDirectory(operation, newDirfd);
  operation.about = { path: shownPath(oldPath), dest: shownPath(newPath) };
  return withPaths(operation, from, to);
}

/** The second directory stands where others have a length. */
export function toDirectory(operation: Operation<void>, newDirfd: FdLike | undefined): void {
  operation.length = AT_FDCWD;
  if (newDirfd === undefined) return;
  const target = plainDescriptor('newDirfd', newDirfd);
  operation.others = [target];
  operation.length = target.fd;
}
