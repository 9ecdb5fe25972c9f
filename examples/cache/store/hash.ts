/** A hash of the bytes of a key (MurmurHash3, 32 bits), with a seed that no client knows. */
import { randomInt } from 'node:crypto';

const SEED = randomInt(2 ** 32) | 0;

export function hashOf(source: Uint8Array, start: number, length: number): number {
  let hash = SEED;
  let at = start;
  for (const end = start + (length & ~3); at < end; at += 4) {
    let part =
      (source[at] as number) |
      ((source[at + 1] as number) << 8) |
      ((source[at + 2] as number) << 16) |
      ((source[at + 3] as number) << 24);
    part = Math.imul(part, 0xcc9e_2d51);
    part = (part << 15) | (part >>> 17);
    hash ^= Math.imul(part, 0x1b87_3593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe654_6b64) | 0;
  }
  const rest = length & 3;
  if (rest > 0) {
    let part = source[at] as number;
    if (rest > 1) part |= (source[at + 1] as number) << 8;
    if (rest > 2) part |= (source[at + 2] as number) << 16;
    part = Math.imul(part, 0xcc9e_2d51);
    part = (part << 15) | (part >>> 17);
    hash ^= Math.imul(part, 0x1b87_3593);
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
