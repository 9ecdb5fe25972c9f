/** How a log fails: each error says what it means for the records. */

/** A SystemError, but where the ring was closed. */
export type WriteFailure = Error & { code?: string; errno?: number; syscall?: string };

/** A record that was not made durable. Has the code, errno and syscall of its `cause`. */
export class LogWriteError extends Error {
  override readonly name = 'LogWriteError';
  readonly code: string;
  readonly errno: number | undefined;
  readonly syscall: string | undefined;
  /**
   * 'absent': it is not in the log, and will not be. 'unknown': it may be found when the log is
   * opened again, or not.
   */
  readonly outcome: 'absent' | 'unknown';

  /** @internal */
  constructor(cause: WriteFailure, outcome: 'absent' | 'unknown') {
    const what = outcome === 'absent' ? 'is not in the log' : 'may be in the log or not';
    super(`the record ${what}: ${cause.message}`, { cause });
    this.code = cause.code ?? 'ERR_NEARMETAL_UNEXPECTED';
    this.errno = cause.errno;
    this.syscall = cause.syscall;
    this.outcome = outcome;
  }
}

/**
 * A log with damage that no crash explains: what is behind it had been durable. Nothing of it was
 * changed.
 */
export class LogCorruptError extends Error {
  override readonly name = 'LogCorruptError';
  readonly code = 'ERR_NEARMETAL_CORRUPT';
  /** The segment. */
  readonly path: string;
  /** Bytes from the start of the segment. */
  readonly position: number;
  /** Of the first record that cannot be read. */
  readonly sequence: number;

  /** @internal */
  constructor(path: string, position: number, sequence: number, why: string) {
    super(`the log is damaged at byte ${position} of '${path}', record ${sequence}: ${why}`);
    this.path = path;
    this.position = position;
    this.sequence = sequence;
  }
}

/** The log is open already, here or in another process. */
export class LogLockedError extends Error {
  override readonly name = 'LogLockedError';
  readonly code = 'ERR_NEARMETAL_TAKEN';
  readonly path: string;

  /** @internal */
  constructor(path: string) {
    super(`the log '${path}' is open already, here or in another process`);
    this.path = path;
  }
}

export function closedLog(): TypeError {
  return Object.assign(new TypeError('the log has been closed'), { code: 'ERR_INVALID_STATE' });
}

export function detachedRecord(): TypeError {
  const message = 'the record is not in the log: its bytes were detached while it waited for room';
  return Object.assign(new TypeError(message), { code: 'ERR_NEARMETAL_DETACHED' });
}
