/** Waits until a descriptor is ready. */
import {
  IORING_OP_POLL_ADD,
  IORING_POLL_ADD_MULTI,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
} from '../../abi.js';
import { type Descriptor, type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { invalidValue } from '../../validate.js';
import { type CommonOptions, kind, MultishotOperation, Operation } from '../operation.js';

const EVENTS = {
  in: POLLIN,
  out: POLLOUT,
  pri: POLLPRI,
  rdhup: POLLRDHUP,
  err: POLLERR,
  hup: POLLHUP,
} as const;

export type PollEvent = keyof typeof EVENTS;
/** Which events are there. */
export type PollEvents = Readonly<Record<PollEvent, boolean>>;

const POLL_ADD = kind<PollEvents>({
  name: 'poll_add',
  code: IORING_OP_POLL_ADD,
  since: '5.1',
  decode: (result) => ({
    in: (result & POLLIN) !== 0,
    out: (result & POLLOUT) !== 0,
    pri: (result & POLLPRI) !== 0,
    rdhup: (result & POLLRDHUP) !== 0,
    err: (result & POLLERR) !== 0,
    hup: (result & POLLHUP) !== 0,
  }),
});

/**
 * Waits for one of `events` on `fd`; 'err' and 'hup' are always waited for.
 *
 * @kernel 5.1 IORING_OP_POLL_ADD
 * @man poll(2)
 */
export function pollAdd(
  fd: FdLike | DirectFd,
  events: readonly PollEvent[],
  options: CommonOptions = {},
): Operation<PollEvents> {
  const mask = maskOf(events);
  const operation = new Operation(POLL_ADD, descriptor('fd', fd)).common(options);
  operation.operationFlags = mask;
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
  options: CommonOptions = {},
): MultishotOperation<PollEvents> {
  const mask = maskOf(events);
  const target: Descriptor = descriptor('fd', fd);
  const operation = new MultishotOperation(POLL_ADD, target).common(options);
  operation.operationFlags = mask;
  operation.length = IORING_POLL_ADD_MULTI;
  operation.lower = () => {
    operation.length = 0;
  };
  return operation;
}

function maskOf(events: readonly PollEvent[]): number {
  const names = Object.keys(EVENTS);
  if (!Array.isArray(events) || events.some((event) => !names.includes(event))) {
    throw invalidValue('events', `must be an array of ${names.join(', ')}`, events);
  }
  return events.reduce((mask, event) => mask | EVENTS[event as PollEvent], 0);
}
