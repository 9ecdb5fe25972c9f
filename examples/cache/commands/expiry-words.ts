/** When a key expires, as commands say it: EX 10, PXAT 1700000000000 and the like. */
import type { Call } from '../server/call.js';
import { refusal } from '../server/refusal.js';

/** The largest number of 64 bits, a little less. */
const LATEST = 9.223372036854775e18;

interface Unit {
  readonly ms: number;
  readonly relative: boolean;
}

export const UNITS: Readonly<Record<string, Unit>> = {
  EX: { ms: 1000, relative: true },
  PX: { ms: 1, relative: true },
  EXAT: { ms: 1000, relative: false },
  PXAT: { ms: 1, relative: false },
};

/** Milliseconds since 1970 of a value; `positive` where it must be one. */
export function momentOf(call: Call, value: number, unit: Unit, positive: boolean): number {
  const from = unit.relative ? call.db.now : 0;
  const moment = value * unit.ms + from;
  if ((positive && value <= 0) || Math.abs(moment) > LATEST) {
    throw refusal(`ERR invalid expire time in '${call.session.lastCommand}' command`);
  }
  return moment;
}
