/** The sizes of blocks: four to each doubling, so that no more than a fifth of one is waste. */

/** Bytes of the smallest block. */
export const SMALLEST = 40;

/** The number of the smallest size that holds `bytes`. */
export function classOf(bytes: number): number {
  if (bytes <= 64) return bytes <= SMALLEST ? 0 : (bytes - SMALLEST + 7) >>> 3;
  const power = 31 - Math.clz32(bytes - 1);
  return 4 * (power - 6) + ((bytes - 1) >>> (power - 2));
}

export function classSize(index: number): number {
  if (index < 4) return SMALLEST + index * 8;
  const power = (index >>> 2) + 5;
  return ((index & 3) + 5) << (power - 2);
}
