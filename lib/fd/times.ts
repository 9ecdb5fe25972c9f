/** `struct timespec` and milliseconds, one in the other. */

import { check } from '../errors.js';
import { native } from '../native.js';

export const TIMESPEC_BYTES = 16;
const MILLISECOND_NS = 1_000_000;
const SECOND_MS = 1000;
const SECOND_NS = 1_000_000_000;

/** Writes `ms` at `offset`: whole seconds and the nanoseconds beyond. */
export function putTime(view: DataView, offset: number, ms: number): void {
  let seconds = Math.floor(ms / SECOND_MS);
  let nanoseconds = Math.round((ms - seconds * SECOND_MS) * MILLISECOND_NS);
  if (nanoseconds >= SECOND_NS) {
    seconds += 1;
    nanoseconds -= SECOND_NS;
  }
  view.setBigInt64(offset, BigInt(seconds), true);
  view.setBigInt64(offset + 8, BigInt(nanoseconds), true);
}

export function timeAt(view: DataView, offset: number): number {
  const seconds = Number(view.getBigInt64(offset, true));
  return seconds * SECOND_MS + Number(view.getBigInt64(offset + 8, true)) / MILLISECOND_NS;
}

/** What a clock says now, in milliseconds. */
export function clockNow(clock: number): number {
  const view = new DataView(new ArrayBuffer(TIMESPEC_BYTES));
  check(native.clockGettime(clock, view), 'clock_gettime');
  return timeAt(view, 0);
}
