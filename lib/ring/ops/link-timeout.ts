/** Limits the time of the operation that it is linked to. */
import { IORING_OP_LINK_TIMEOUT } from '../../abi.js';
import { kind, nothing, Operation } from '../operation.js';
import { milliseconds, putTimespec, TIMESPEC_BYTES } from './timespec.js';

const LINK_TIMEOUT = kind<void>({
  name: 'link_timeout',
  code: IORING_OP_LINK_TIMEOUT,
  since: '5.5',
  decode: nothing,
});

/**
 * Cancels the operation before it in its chain after `timeoutMs`. What `timeoutMs` of `ring.run`
 * uses, but for operations that start in a worker thread (`splice`, `tee`, `fsync`, all on names,
 * what is `async`): the kernel begins to count when their first try is over, which is too late.
 *
 * @kernel 5.5 IORING_OP_LINK_TIMEOUT
 * @man io_uring_enter(2)
 */
export function linkTimeout(timeoutMs: number): Operation<void> {
  const span = milliseconds('timeoutMs', timeoutMs);
  return new Operation(LINK_TIMEOUT).arguments(TIMESPEC_BYTES, (self, block) => {
    putTimespec(block, span);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = 1;
  });
}
