/** Operations that open a file into a slot of the ring's table instead of a descriptor. */
import { IORING_FILE_INDEX_ALLOC } from '../abi.js';
import { DirectFd, type OwnedFd } from '../fd/fd.js';
import { requireFeature } from '../features.js';
import { invalidType } from '../validate.js';
import { kind, type Operation, type OperationKind } from './operation.js';
import { FileTable } from './registrations/file-table.js';

/** Where a file is opened that shall have no descriptor. */
export interface Into<Target extends FileTable | DirectFd = FileTable | DirectFd> {
  /**
   * `ring.files`, and the kernel chooses a slot; or a slot of it that was reserved. The result is a
   * `DirectFd`: of a slot that was reserved, that one.
   */
  into: Target;
}

/** The same operation, whose result is a slot. */
export function intoKind({ name, code, since }: OperationKind<OwnedFd>): OperationKind<DirectFd> {
  return kind({
    name,
    code,
    since,
    decode: (result, _flags, { table, into }) => (table as FileTable).opened(result, into),
  });
}

/** Puts the result of `operation` into the table or slot. */
export function placeInto(operation: Operation<unknown>, into: unknown): void {
  if (into instanceof FileTable) {
    requireFeature('register:FILE_ALLOC_RANGE');
    operation.table = into;
    operation.fileIndex = IORING_FILE_INDEX_ALLOC | 0;
  } else if (into instanceof DirectFd && !into.closed) {
    operation.table = into.table as FileTable;
    operation.into = into;
    operation.others = [into];
    operation.fileIndex = into.fd + 1;
  } else throw invalidType('into', 'the `files` of a ring, or a slot reserved of them', into);
}
