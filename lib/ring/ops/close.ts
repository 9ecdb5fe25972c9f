/** Closes a descriptor through the ring, in order with other operations. */
import { IORING_OP_CLOSE } from '../../abi.js';
import { OwnedFd } from '../../fd/fd.js';
import { native } from '../../native.js';
import { invalidType } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const CLOSE = kind<void>({
  name: 'close',
  code: IORING_OP_CLOSE,
  since: '5.6',
  decode: nothing,
  // Nobody else knows the number any more.
  cancelled: ({ fd }) => {
    native.close(fd);
  },
});

/**
 * Closes `fd`, which is given up when the operation starts. For an `OwnedFd`, `using` or `close()`
 * does the same with one plain call; this one is for chains.
 *
 * @kernel 5.6 IORING_OP_CLOSE
 * @man close(2)
 */
export function close(fd: OwnedFd, options: CommonOptions = {}): Operation<void> {
  requireFree(fd);
  return new Operation(CLOSE).common(options).arguments(1, (self) => {
    requireFree(fd);
    self.fd = fd.release();
  });
}

function requireFree(fd: OwnedFd): void {
  if (!(fd instanceof OwnedFd) || fd.closed) throw invalidType('fd', 'an open OwnedFd', fd);
  if (fd.inFlight > 0) throw invalidType('fd', 'without operations in flight', fd);
}
