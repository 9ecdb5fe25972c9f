/** Waits until a descriptor is ready. */
import {
  EPOLLEXCLUSIVE,
  IORING_OP_POLL_ADD,
  IORING_POLL_ADD_LEVEL,
  IORING_POLL_ADD_MULTI,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { boolean } from '../../validate.js';
import { type CommonOptions, kind, MultishotOperation, Operation } from '../operation.js';
import { type PollEvent, type PollEvents, pollEvents, pollMask } from './poll-events.js';

const POLL_ADD = kind<PollEvents>({
  name: 'poll_add',
  code: IORING_OP_POLL_ADD,
  since: '5.1',
  decode: pollEvents,
});

export interface PollOptions extends CommonOptions {
  /** EPOLLEXCLUSIVE: of those that wait on one file, wake one and not all. Default false. */
  exclusive?: boolean;
}

export interface PollMultishotOptions extends PollOptions {
  /** IORING_POLL_ADD_LEVEL (6.0): level-triggered, and not edge-triggered. Default false. */
  level?: boolean;
}

/**
 * Waits for one of `events` on `fd`; 'err' and 'hup' are always waited for.
 *
 * @kernel 5.1 IORING_OP_POLL_ADD
 * @man poll(2)
 */
export function pollAdd(
  fd: FdLike | DirectFd,
  events: readonly PollEvent[],
  options: PollOptions = {},
): Operation<PollEvents> {
  const mask = pollMask(events);
  const operation = new Operation(POLL_ADD, descriptor('fd', fd)).common(options, 'exclusive');
  operation.operationFlags = mask | exclusiveBit(options);
  return operation;
}

/**
 * Tells each time that one of `events` happens on `fd`.
 *
 * @kernel 5.13 IORING_POLL_ADD_MULTI; one by one on older kernels
 * @man poll(2), io_uring_enter(2)
 */
export function pollMultishot(
  fd: FdLike | DirectFd,
  events: readonly PollEvent[],
  options: PollMultishotOptions = {},
): MultishotOperation<PollEvents> {
  const mask = pollMask(events);
  const operation = new MultishotOperation(POLL_ADD, descriptor('fd', fd));
  operation.common(options, 'exclusive', 'level').operationFlags = mask | exclusiveBit(options);
  operation.length = IORING_POLL_ADD_MULTI;
  if (boolean('level', options.level ?? false)) operation.length |= IORING_POLL_ADD_LEVEL;
  operation.lower = () => {
    operation.length = 0;
  };
  return operation;
}

function exclusiveBit(options: PollOptions): number {
  return boolean('exclusive', options.exclusive ?? false) ? EPOLLEXCLUSIVE : 0;
}
