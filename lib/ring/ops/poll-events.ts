/** Events of poll(2) by their names, and back. */
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP } from '../../abi.js';
import { invalidValue } from '../../validate.js';

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

export const pollEvents = (mask: number): PollEvents => ({
  in: (mask & POLLIN) !== 0,
  out: (mask & POLLOUT) !== 0,
  pri: (mask & POLLPRI) !== 0,
  rdhup: (mask & POLLRDHUP) !== 0,
  err: (mask & POLLERR) !== 0,
  hup: (mask & POLLHUP) !== 0,
});

export function pollMask(events: readonly PollEvent[]): number {
  const names = Object.keys(EVENTS);
  if (!Array.isArray(events) || events.some((event) => !names.includes(event))) {
    throw invalidValue('events', `must be an array of ${names.join(', ')}`, events);
  }
  return events.reduce((mask, event) => mask | EVENTS[event as PollEvent], 0);
}
