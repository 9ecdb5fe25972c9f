/** Ends a timeout that is in flight, or gives it another time. */
import {
  IORING_LINK_TIMEOUT_UPDATE,
  IORING_OP_TIMEOUT_REMOVE,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_UPDATE,
} from '../../abi.js';
import { boolean } from '../../validate.js';
import {
  type CommonOptions,
  kind,
  nothing,
  Operation,
  type UserData,
  userDataWords,
} from '../operation.js';
import { milliseconds, putTimespec, TIMESPEC_BYTES } from './timespec.js';

const TIMEOUT_REMOVE = kind<void>({
  name: 'timeout_remove',
  code: IORING_OP_TIMEOUT_REMOVE,
  since: '5.5',
  decode: nothing,
});

/**
 * Ends the timeout that was submitted under `target`, which completes with ECANCELED.
 *
 * @errno ENOENT no timeout is in flight under it
 * @errno EALREADY it is completing
 * @kernel 5.5 IORING_OP_TIMEOUT_REMOVE
 * @man io_uring_enter(2)
 */
export function timeoutRemove(target: UserData, options: CommonOptions = {}): Operation<void> {
  const operation = new Operation(TIMEOUT_REMOVE).common(options);
  const { low, high } = userDataWords('target', target);
  operation.addressLow = low;
  operation.addressHigh = high;
  return operation;
}

export interface TimeoutUpdateOptions extends CommonOptions {
  /** `ms` is a time of the clock that it was started with, not a span from now. Default false. */
  absolute?: boolean;
  /** It is the timeout of a chain (`op.linkTimeout`). Default false. */
  link?: boolean;
}

/**
 * Gives the timeout that was submitted under `target` another time.
 *
 * @errno ENOENT no timeout is in flight under it
 * @errno EALREADY it is completing
 * @kernel 5.11 IORING_TIMEOUT_UPDATE
 * @man io_uring_enter(2)
 */
export function timeoutUpdate(
  target: UserData,
  ms: number,
  options: TimeoutUpdateOptions = {},
): Operation<void> {
  const { absolute, link, ...common } = options;
  const operation = timeoutRemove(target, common);
  const time = milliseconds('ms', ms);
  let flags: number = IORING_TIMEOUT_UPDATE;
  if (boolean('absolute', absolute ?? false)) flags |= IORING_TIMEOUT_ABS;
  if (boolean('link', link ?? false)) flags |= IORING_LINK_TIMEOUT_UPDATE;
  operation.operationFlags = flags;
  return operation.arguments(TIMESPEC_BYTES, (self, block) => {
    putTimespec(block, time);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
  });
}
