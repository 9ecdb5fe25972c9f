/** Does nothing, and completes: for measuring, and for waking a ring. */
import { IORING_OP_NOP } from '../../abi.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const NOP = kind<void>({ name: 'nop', code: IORING_OP_NOP, since: '5.1', decode: nothing });

/**
 * Does nothing.
 *
 * @kernel 5.1 IORING_OP_NOP
 * @man io_uring_enter(2)
 */
export function nop(options: CommonOptions = {}): Operation<void> {
  return new Operation(NOP).common(options);
}
