/** Sizes: the units of bytes, and rounding to a multiple. */
export const KiB = 2 ** 10;
export const MiB = 2 ** 20;
export const GiB = 2 ** 30;

/** A size as people write it: `'2MiB'`. */
export type SizeText = `${number}KiB` | `${number}MiB` | `${number}GiB`;

const UNITS = { KiB, MiB, GiB } as const;

/** The least multiple of `step` that is not below `value`. */
export function alignUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;
}

/** Bytes of '2MiB'; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = /^(\d+)\s?(KiB|MiB|GiB)$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** '2MiB'; the largest unit that leaves a whole number. */
export function sizeText(bytes: number): SizeText {
  for (const unit of ['GiB', 'MiB'] as const) {
    if (bytes >= UNITS[unit] && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return `${bytes / KiB}KiB`;
}
