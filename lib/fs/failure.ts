/** Errors as Node's fs has them: named after its calls, with a hint where there is one. */
import { type ErrorDetail, SystemError, systemError } from '../errors.js';

/** What a call is about: its name in errors, and its paths or descriptor. */
export interface About extends ErrorDetail {
  readonly syscall: string;
}

interface NodeError {
  readonly errno?: unknown;
  readonly code?: unknown;
}

/** The error that callers get for one of a ring, of Node or of a thread. */
export function failureOf(error: unknown, { syscall, ...detail }: About): unknown {
  if (typeof error !== 'object' || error === null) return error;
  const { errno } = error as NodeError;
  if (typeof errno !== 'number' || errno >= 0) return error;
  if (!SystemError.is(error) && !(error instanceof Error && 'syscall' in error)) return error;
  return systemError(errno, syscall, detail);
}

/** What `promise` resolves with, nothing being 0, or `-errno`. */
export async function resultOf(promise: Promise<unknown>): Promise<number> {
  try {
    return Number((await promise) ?? 0);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    if (typeof errno !== 'number') throw error;
    return errno;
  }
}

/** `promise`, whose errors are about this call. */
export async function about<Result>(promise: Promise<Result>, what: About): Promise<Result> {
  try {
    return await promise;
  } catch (error) {
    throw failureOf(error, what);
  }
}
