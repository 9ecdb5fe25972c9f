/** The busy-poll parameters of an epoll: how long a wait asks network devices before it sleeps. */
import { EPIOCGPARAMS, EPIOCSPARAMS } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, onlyKeys } from '../validate.js';

export interface BusyPoll {
  /** Microseconds of asking; 0 is none. */
  readonly microseconds: number;
  /** Packets taken per asking; above 64 needs CAP_NET_ADMIN. */
  readonly budget: number;
  /** Keeps the devices from interrupting while it asks. */
  readonly prefer: boolean;
}

/** `struct epoll_params`. */
const PARAMETER_BYTES = 8;

export function busyPollOf(fd: number): BusyPoll {
  const view = new DataView(new ArrayBuffer(PARAMETER_BYTES));
  check(native.ioctl(fd, EPIOCGPARAMS, view), 'EPIOCGPARAMS', { fd });
  return {
    microseconds: view.getUint32(0, true),
    budget: view.getUint16(4, true),
    prefer: view.getUint8(6) !== 0,
  };
}

export function setBusyPoll(fd: number, parameters: BusyPoll): void {
  onlyKeys('parameters', parameters, ['microseconds', 'budget', 'prefer']);
  const view = new DataView(new ArrayBuffer(PARAMETER_BYTES));
  view.setUint32(0, integer('microseconds', parameters.microseconds, 0, 2 ** 31 - 1), true);
  view.setUint16(4, integer('budget', parameters.budget, 0, 65_535), true);
  view.setUint8(6, boolean('prefer', parameters.prefer) ? 1 : 0);
  const facts = { budget: parameters.budget };
  check(native.ioctl(fd, EPIOCSPARAMS, view), 'EPIOCSPARAMS', { fd, facts });
}
