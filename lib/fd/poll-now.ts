/** Which events a descriptor has now: poll(2) that does not wait. */
import { EINTR } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';

const entry = new DataView(new ArrayBuffer(8));

/** Answers those of `events` that it has, and POLLERR, POLLHUP, POLLNVAL. */
export function pollNow(fd: number, events: number): number {
  entry.setInt32(0, fd, true);
  entry.setInt16(4, events, true);
  const result = native.ppoll(entry, 0, null);
  if (result === -EINTR) return 0;
  check(result, 'ppoll', { fd });
  return entry.getUint16(6, true);
}
