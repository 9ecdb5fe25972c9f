/** How the index refuses: each error says what is left as it was, and what to do. */

/** All memory is in use; what was asked for has not been done. */
export class IndexFullError extends Error {
  override readonly name = 'IndexFullError';
  readonly code = 'ERR_INDEX_FULL';

  constructor(bytes: number) {
    super(`all ${bytes / 2 ** 20} MiB are in use: open the index with more \`memory\``);
  }
}

/** What is on the disk is damaged, and no older state can take its place. */
export class IndexCorruptError extends Error {
  override readonly name = 'IndexCorruptError';
  readonly code = 'ERR_INDEX_CORRUPT';
}

export function refuse(name: string, must: string, value: unknown): never {
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  const error = new RangeError(`${name} must be ${must}, not ${shown}`);
  throw Object.assign(error, { code: 'ERR_OUT_OF_RANGE' });
}
