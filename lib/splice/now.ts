/** Calls between descriptors that do not wait: bytes, or `-errno` (EAGAIN). */
import { SPLICE_F_NONBLOCK } from '../abi.js';
import { native } from '../native.js';
import { type SplicePlan, vmspliceNow } from './calls.js';
import { isResident } from './resident.js';

/** Between pipes, and sockets that are non-blocking. */
export function spliceNow(from: number, to: number, length: number, plan: SplicePlan): number {
  const { sourceOffset, targetOffset, flags } = plan;
  const all = flags | SPLICE_F_NONBLOCK;
  return native.splice(from, sourceOffset, to, targetOffset, length, all);
}

export const teeNow = (from: number, to: number, length: number): number =>
  native.tee(from, to, length, SPLICE_F_NONBLOCK);

export const pagesNow = (fd: number, readEnd: boolean, views: readonly ArrayBufferView[]): number =>
  vmspliceNow(fd, readEnd, views, SPLICE_F_NONBLOCK);

/** To a socket that is non-blocking; undefined where it would wait for a disk. */
export function sendfileNow(
  to: number,
  from: number,
  offset: number,
  length: number,
): number | undefined {
  if (offset < 0 || !isResident(from, offset, length)) return undefined;
  return native.sendfile(to, from, offset, length);
}
