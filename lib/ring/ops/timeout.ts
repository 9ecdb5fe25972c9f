/** Completes after some time. */
import {
  ETIME,
  IORING_OP_TIMEOUT,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
} from '../../abi.js';
import { kernel } from '../../kernel.js';
import { boolean, integer } from '../../validate.js';
import { type CommonOptions, kind, MultishotOperation, nothing, Operation } from '../operation.js';
import type { Block } from '../staging.js';
import { type Clock, clockFlags, milliseconds, putTimespec, TIMESPEC_BYTES } from './timespec.js';

const TIMEOUT = kind<void>({
  name: 'timeout',
  code: IORING_OP_TIMEOUT,
  since: '5.4',
  decode: nothing,
  successes: [ETIME],
});

export interface TimeoutOptions extends CommonOptions {
  /** Default 'monotonic'; the others need 5.15. */
  clock?: Clock;
  /** `ms` is a time of the clock, not a span. Default false. */
  absolute?: boolean;
  /** Completes earlier, after this many other completions. Default 0: never. */
  count?: number;
  /**
   * In a chain: time passing is no failure, so that what is linked goes on (5.16). Default false.
   */
  etimeSuccess?: boolean;
}

/**
 * Completes after `ms` milliseconds, which may have a fraction down to a nanosecond.
 *
 * @kernel 5.4 IORING_OP_TIMEOUT
 * @man io_uring_enter(2)
 */
export function timeout(ms: number, options: TimeoutOptions = {}): Operation<void> {
  const span = milliseconds('ms', ms);
  const operation = new Operation(TIMEOUT);
  operation.common(options, 'clock', 'absolute', 'count', 'etimeSuccess');
  let flags = clockFlags(options.clock);
  if (boolean('absolute', options.absolute ?? false)) flags |= IORING_TIMEOUT_ABS;
  if (boolean('etimeSuccess', options.etimeSuccess ?? false)) flags |= IORING_TIMEOUT_ETIME_SUCCESS;
  operation.operationFlags = flags;
  operation.offsetLow = integer('count', options.count ?? 0, 0, 2 ** 31 - 1);
  return operation.arguments(TIMESPEC_BYTES, timespecWriter(span));
}

export interface TimeoutMultishotOptions extends CommonOptions {
  /** Default 'monotonic'. */
  clock?: Clock;
}

/**
 * Tells every `ms` milliseconds, by the kernel's own clockwork: a late receiver does not delay the
 * next time.
 *
 * @kernel 6.4 IORING_TIMEOUT_MULTISHOT; one by one on older kernels
 * @man io_uring_enter(2)
 */
export function timeoutMultishot(
  ms: number,
  options: TimeoutMultishotOptions = {},
): MultishotOperation<void> {
  const span = milliseconds('ms', ms);
  const operation = new MultishotOperation(TIMEOUT).common(options, 'clock');
  operation.operationFlags = clockFlags(options.clock) | IORING_TIMEOUT_MULTISHOT;
  const lower = () => {
    operation.operationFlags &= ~IORING_TIMEOUT_MULTISHOT;
  };
  // As of `readMultishot`.
  if (kernel.atLeast('6.4')) operation.lower = lower;
  else lower();
  return operation.arguments(TIMESPEC_BYTES, timespecWriter(span));
}

function timespecWriter(span: number): (self: Operation<unknown>, block: Block) => void {
  return (self, block) => {
    putTimespec(block, span);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = 1;
  };
}
