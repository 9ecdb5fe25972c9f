/** The entries that are measured with: keys of 16 bytes, values of 100. */

const VALUE_BYTES = 100;
const SAMPLES = 50_000;
export const DIGITS = 11;

export const keyOf = (number: number): string => `user:${String(number).padStart(DIGITS, '0')}`;

/** In the order of their keys; the value is the same Buffer each time. */
export function* entries(count: number): Generator<{ key: string; value: Buffer }> {
  const value = Buffer.alloc(VALUE_BYTES, 'value ');
  for (let number = 0; number < count; number++) {
    value.writeUInt32LE(number, 0);
    yield { key: keyOf(number), value };
  }
}

/** Keys drawn at random, the same each time. */
export function sample(count: number): string[] {
  let state = 1;
  return Array.from({ length: SAMPLES }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return keyOf(Math.floor(((state >>> 0) / 2 ** 32) * count));
  });
}
