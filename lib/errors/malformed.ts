/** Of bytes that no kernel writes. */
export function malformed(what: string): Error & { code: string } {
  const error = new Error(`malformed ${what}: please report this`);
  return Object.assign(error, { code: 'ERR_NEARMETAL_UNEXPECTED' });
}
