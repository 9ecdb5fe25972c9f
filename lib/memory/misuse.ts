/** Errors for memory that is used in a way that would end in a signal, or in a mess. */

/** `code` without its ERR_NEARMETAL_. */
export function misuse(
  code: 'BUSY' | 'DISPOSED' | 'DOUBLE_FREE' | 'EXHAUSTED' | 'FOREIGN' | 'UNSAFE' | 'VIEW_KEPT',
  message: string,
): TypeError & { code: string } {
  const error = Object.assign(new TypeError(message), { code: `ERR_NEARMETAL_${code}` });
  Error.captureStackTrace(error, misuse);
  return error;
}
