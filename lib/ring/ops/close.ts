/** Closes a descriptor through the ring, in order with other operations. */
import { IORING_OP_CLOSE } from '../../abi.js';
import { DirectFd, OwnedFd } from '../../fd/fd.js';
import { native } from '../../native.js';
import { invalidType } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import type { FileTable } from '../registrations/file-table.js';

const CLOSE = kind<void>({
  name: 'close',
  code: IORING_OP_CLOSE,
  since: '5.6',
  decode: nothing,
  closes: true,
  // Nobody else knows the number any more.
  cancelled: ({ fd }) => {
    native.close(fd);
  },
});

/** Closes a slot of the ring's table. */
const CLOSE_DIRECT = kind<void>({
  ...CLOSE,
  since: '5.15',
  closes: false,
  decode: (_result, _flags, { table, fileIndex }) => table?.release(fileIndex - 1),
  cancelled: ({ table, fileIndex }) => table?.close(fileIndex - 1),
});

/**
 * Closes `fd`, which is given up when the operation starts. For an `OwnedFd`, `using` or `close()`
 * does the same with one plain call; this one is for chains. A `DirectFd` leaves the ring's table
 * (5.15).
 *
 * @kernel 5.6 IORING_OP_CLOSE
 * @man close(2)
 */
export function close(fd: OwnedFd | DirectFd, options: CommonOptions = {}): Operation<void> {
  requireFree(fd);
  if (fd instanceof DirectFd) return closeDirect(fd, options);
  return new Operation(CLOSE).common(options).arguments(1, (self) => {
    requireFree(fd);
    self.fd = fd.handOver();
  });
}

function closeDirect(file: DirectFd, options: CommonOptions): Operation<void> {
  const operation = new Operation(CLOSE_DIRECT).common(options);
  const table = file.table as FileTable;
  operation.table = table;
  operation.fd = 0;
  return operation.arguments(1, (self) => {
    requireFree(file);
    self.fileIndex = table.giveUp(file) + 1;
  });
}

function requireFree(fd: OwnedFd | DirectFd): void {
  if (!(fd instanceof OwnedFd || fd instanceof DirectFd) || fd.closed) {
    throw invalidType('fd', 'an open OwnedFd or DirectFd', fd);
  }
  if (fd.inFlight > 0) throw invalidType('fd', 'without operations in flight', fd);
}
