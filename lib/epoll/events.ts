/** What can be waited for, by name and as the kernel's bits. */
import {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLMSG,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDBAND,
  EPOLLRDHUP,
  EPOLLRDNORM,
  EPOLLWAKEUP,
  EPOLLWRBAND,
  EPOLLWRNORM,
} from '../abi.js';
import { boolean, integer, invalidValue, onlyKeys } from '../validate.js';

/** 'err' and 'hup' are reported whether asked for or not. POLL* bits are the same. */
export const EVENT_BITS = {
  in: EPOLLIN,
  out: EPOLLOUT,
  pri: EPOLLPRI,
  rdhup: EPOLLRDHUP,
  err: EPOLLERR,
  hup: EPOLLHUP,
} as const;

export type EventName = keyof typeof EVENT_BITS;

/** How a descriptor is watched. */
export interface InterestOptions {
  /**
   * EPOLLET: tells when readiness begins, and when more comes; not for as long as it lasts. Linux
   * 5.5 to 5.13 do not tell of more in a pipe that still holds something. Default false.
   */
  edge?: boolean;
  /** EPOLLONESHOT: tells once; `modify` makes it tell again. Default false. */
  oneShot?: boolean;
  /**
   * EPOLLEXCLUSIVE (4.5): of several epolls that watch the file, not all are woken. With 'in' and
   * 'out' only, and it cannot be modified. Default false.
   */
  exclusive?: boolean;
  /**
   * EPOLLWAKEUP: the system does not go to sleep while an event is handled. Without
   * CAP_BLOCK_SUSPEND the kernel leaves it out. Default false.
   */
  wakeUp?: boolean;
}

export const INTEREST_KEYS = ['edge', 'oneShot', 'exclusive', 'wakeUp'] as const;
const INTEREST_BITS = {
  edge: EPOLLET,
  oneShot: EPOLLONESHOT,
  exclusive: EPOLLEXCLUSIVE,
  wakeUp: EPOLLWAKEUP,
} as const;

export const READINESS =
  EPOLLIN |
  EPOLLOUT |
  EPOLLPRI |
  EPOLLRDHUP |
  EPOLLERR |
  EPOLLHUP |
  EPOLLRDNORM |
  EPOLLRDBAND |
  EPOLLWRNORM |
  EPOLLWRBAND |
  EPOLLMSG;
const MODES = EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP;
const WITH_EXCLUSIVE =
  EPOLLEXCLUSIVE | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLWAKEUP;

/** The kernel's mask for `events`, by name or as EPOLL* bits already, and `options`. */
export function interestOf(
  events: readonly EventName[] | number,
  options: InterestOptions,
  ...keys: string[]
): number {
  onlyKeys('options', options, [...keys, ...INTEREST_KEYS]);
  let mask = typeof events === 'number' ? bitsOf(events) : namedBits(events);
  for (const key of INTEREST_KEYS) {
    if (boolean(key, options[key] ?? false)) mask |= INTEREST_BITS[key];
  }
  if ((mask & EPOLLEXCLUSIVE) !== 0 && (mask & ~WITH_EXCLUSIVE) !== 0) {
    throw invalidValue('exclusive', "must be with 'in' and 'out' only, and not one-shot", true);
  }
  return mask;
}

function bitsOf(events: number): number {
  const bits = integer('events', events, -(2 ** 31), 2 ** 32 - 1) | 0;
  if ((bits & ~(READINESS | MODES)) !== 0) {
    throw invalidValue('events', 'must be made of EPOLL* bits', events);
  }
  return bits;
}

/** The bits of `events`. */
export function namedBits(events: readonly EventName[]): number {
  const names = Object.keys(EVENT_BITS);
  if (!Array.isArray(events) || events.some((event) => !names.includes(event))) {
    throw invalidValue('events', `must be an array of ${names.join(', ')}`, events);
  }
  return events.reduce((mask, event) => mask | EVENT_BITS[event as EventName], 0);
}
