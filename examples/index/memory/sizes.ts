/** The sizes of blocks: multiples of 8 up to 128, then eight to each doubling. */

const EVEN = 128;
const EVEN_CLASSES = EVEN / 8;

/** The number of the smallest size that holds `bytes`, of which there is one at least. */
export function classOf(bytes: number): number {
  if (bytes <= EVEN) return (bytes - 1) >>> 3;
  const power = 31 - Math.clz32(bytes - 1);
  return EVEN_CLASSES + (power - 7) * 8 + (((bytes - 1) >>> (power - 3)) & 7);
}

export function classSize(index: number): number {
  if (index < EVEN_CLASSES) return (index + 1) * 8;
  const above = index - EVEN_CLASSES;
  const power = 7 + (above >>> 3);
  return ((above & 7) + 9) << (power - 3);
}
