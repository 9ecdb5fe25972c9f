/** Does nothing, with an entry of 128 bytes. */
import { IORING_OP_NOP128 } from '../../abi.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const NOP128 = kind<void>({
  name: 'nop128',
  code: IORING_OP_NOP128,
  since: '6.19',
  wide: true,
  decode: nothing,
});

/**
 * Does nothing, as `nop`, on a ring made with `sqe128`.
 *
 * @kernel 6.19 IORING_OP_NOP128
 * @man io_uring_enter(2)
 */
export function nop128(options: CommonOptions = {}): Operation<void> {
  return new Operation(NOP128).common(options).arguments(0, () => undefined);
}
