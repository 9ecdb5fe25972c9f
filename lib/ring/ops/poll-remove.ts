/** Ends a poll that is in flight, or changes what it waits for. */
import {
  IORING_OP_POLL_REMOVE,
  IORING_POLL_ADD_MULTI,
  IORING_POLL_UPDATE_EVENTS,
  IORING_POLL_UPDATE_USER_DATA,
} from '../../abi.js';
import { boolean, invalidValue } from '../../validate.js';
import {
  type CommonOptions,
  kind,
  nothing,
  Operation,
  type UserData,
  userDataWords,
} from '../operation.js';
import { type PollEvent, pollMask } from './poll-events.js';

const POLL_REMOVE = kind<void>({
  name: 'poll_remove',
  code: IORING_OP_POLL_REMOVE,
  since: '5.1',
  decode: nothing,
});

/**
 * Ends the poll that was submitted under `target`, which completes with ECANCELED.
 *
 * @errno ENOENT no poll is in flight under it
 * @errno EALREADY it is completing
 * @kernel 5.1 IORING_OP_POLL_REMOVE
 * @man io_uring_enter(2)
 */
export function pollRemove(target: UserData, options: CommonOptions = {}): Operation<void> {
  const operation = new Operation(POLL_REMOVE).common(options);
  const { low, high } = userDataWords('target', target);
  operation.addressLow = low;
  operation.addressHigh = high;
  return operation;
}

export interface PollUpdateOptions extends CommonOptions {
  /** What to wait for from now on. */
  events?: readonly PollEvent[];
  /** What its completions carry from now on; for a `RawRing`, since a `Ring` gives its own. */
  userData?: UserData;
  /** The poll is, and stays, a multishot one. Default false. */
  multishot?: boolean;
}

/**
 * Changes the poll that was submitted under `target`: its events, its user data, or both.
 *
 * @errno ENOENT no poll is in flight under it
 * @errno EALREADY it is completing
 * @kernel 5.13 IORING_POLL_UPDATE_EVENTS, IORING_POLL_UPDATE_USER_DATA
 * @man io_uring_enter(2)
 */
export function pollUpdate(target: UserData, options: PollUpdateOptions): Operation<void> {
  const { events, userData, multishot, ...common } = options ?? {};
  const operation = pollRemove(target, common);
  if (events === undefined && userData === undefined) {
    throw invalidValue('options', 'must have events, userData or both', options);
  }
  if (events !== undefined) {
    operation.operationFlags = pollMask(events);
    operation.length |= IORING_POLL_UPDATE_EVENTS;
  }
  if (userData !== undefined) {
    const { low, high } = userDataWords('userData', userData);
    operation.offsetLow = low;
    operation.offsetHigh = high;
    operation.length |= IORING_POLL_UPDATE_USER_DATA;
  }
  if (boolean('multishot', multishot ?? false)) operation.length |= IORING_POLL_ADD_MULTI;
  return operation;
}
