/** Capacities: powers of two, so that a position is found by a mask. */
import { isPowerOfTwo } from '../units.js';
import { integer, invalidValue } from '../validate.js';

/** Answers `value`, a power of two. */
export function powerOfTwo(name: string, value: unknown, min: number, max: number): number {
  const checked = integer(name, value, min, max);
  if (isPowerOfTwo(checked)) return checked;
  throw invalidValue(name, 'must be a power of two', value);
}
