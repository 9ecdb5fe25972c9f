/** Paths of operations: where they start, and how they are handed to the kernel. */
import { AT_FDCWD } from '../../abi.js';
import { type FdLike, plainDescriptor } from '../../fd/fd.js';
import { Operation, type OperationKind } from '../operation.js';
import { highWord } from '../sqe.js';

export { type PathLike, pathBytes, shownPath } from '../../path.js';

/** Where a relative path starts. */
export interface DirectoryOptions {
  /** An open directory that a relative path starts at. Default: the working directory. */
  dirfd?: FdLike;
}

/** An operation on a path that starts at `dirfd`, or at the working directory. */
export function inDirectory<Result>(
  of: OperationKind<Result>,
  name: string,
  dirfd: FdLike | undefined,
): Operation<Result> {
  if (dirfd !== undefined) return new Operation(of, plainDescriptor(name, dirfd));
  const operation = new Operation(of);
  operation.fd = AT_FDCWD;
  return operation;
}

/** Hands one path to the kernel, or two: the second where others have the file offset. */
export function withPaths<Result>(
  operation: Operation<Result>,
  first: Uint8Array,
  second?: Uint8Array,
): Operation<Result> {
  const total = first.length + (second?.length ?? 0);
  return operation.arguments(total, (self, block) => {
    block.bytes.set(first);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    if (second === undefined) return;
    block.bytes.set(second, first.length);
    const low = (block.addressLow >>> 0) + first.length;
    self.offsetLow = low | 0;
    self.offsetHigh = block.addressHigh + highWord(low);
  });
}
