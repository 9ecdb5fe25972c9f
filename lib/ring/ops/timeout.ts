/** Completes after some time. */
import {
  ETIME,
  IORING_OP_TIMEOUT,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_BOOTTIME,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_REALTIME,
} from '../../abi.js';
import { boolean, integer, oneOf } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { milliseconds, putTimespec, TIMESPEC_BYTES } from './timespec.js';

const TIMEOUT = kind<void>({
  name: 'timeout',
  code: IORING_OP_TIMEOUT,
  since: '5.4',
  decode: nothing,
  successes: [ETIME],
});

const CLOCKS = {
  monotonic: 0,
  boottime: IORING_TIMEOUT_BOOTTIME,
  realtime: IORING_TIMEOUT_REALTIME,
} as const;

export interface TimeoutOptions extends CommonOptions {
  /** Default 'monotonic'; the others need 5.15. */
  clock?: keyof typeof CLOCKS;
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
  const names = ['monotonic', 'boottime', 'realtime'] as const;
  let flags: number = CLOCKS[oneOf('clock', options.clock ?? 'monotonic', names)];
  if (boolean('absolute', options.absolute ?? false)) flags |= IORING_TIMEOUT_ABS;
  if (boolean('etimeSuccess', options.etimeSuccess ?? false)) flags |= IORING_TIMEOUT_ETIME_SUCCESS;
  operation.operationFlags = flags;
  operation.offsetLow = integer('count', options.count ?? 0, 0, 2 ** 31 - 1);
  return operation.arguments(TIMESPEC_BYTES, (self, block) => {
    putTimespec(block, span);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = 1;
  });
}
