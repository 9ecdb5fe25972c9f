/**
 * The bitmap of descriptors that this thread owns; the native side closes what is set when the
 * thread ends.
 */
import { native } from '../native.js';
import { integer } from '../validate.js';

export const FD_MAX: number = 2 ** 31 - 1;

const words = native.ownedFds;

/** What lies past the bitmap is not tracked: it covers the hard limit of descriptors. */
export function markOwned(fd: number): void {
  const index = fd >>> 5;
  if (index < words.length) words[index] = (words[index] as number) | (1 << (fd & 31));
}

export function clearOwned(fd: number): void {
  const index = fd >>> 5;
  if (index < words.length) words[index] = (words[index] as number) & ~(1 << (fd & 31));
}

export function isOwned(fd: number): boolean {
  return (((words[fd >>> 5] ?? 0) >>> (fd & 31)) & 1) === 1;
}

/** Checks and marks a number that somebody gives away; answers it. */
export function adoptedNumber(fd: number): number {
  markOwned(integer('fd', fd, 0, FD_MAX));
  return fd;
}
