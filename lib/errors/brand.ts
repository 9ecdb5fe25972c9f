/**
 * Tells our classes by a registered symbol, for the package may be installed twice in one program.
 */
export function branded(value: unknown, brand: symbol): boolean {
  return typeof value === 'object' && value !== null && brand in value;
}
