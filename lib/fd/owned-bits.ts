/**
 * The bitmap of descriptors that this thread owns; the native side closes what is set when the
 * thread ends.
 */
import { native } from '../native.js';

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
