/** The errors that this package throws, and the one place that turns `-errno` into one. */
import { ERRNO_MESSAGES, ERRNO_NAMES } from './abi.js';
import { branded } from './errors/brand.js';

export { UnsupportedError, type UnsupportedOptions } from './errors/unsupported.js';

/** What a system call was about: copied onto the error where given. */
export interface ErrorDetail {
  readonly path?: string;
  readonly dest?: string;
  readonly address?: string;
  readonly port?: number;
  readonly fd?: number;
  /** Numbers that a hint needs and the error does not show, such as flags and lengths. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}

/** Answers one sentence that says what to change, or undefined. */
export type HintProvider = (error: SystemError, facts: ErrorDetail['facts']) => string | undefined;

let hintProvider: HintProvider | undefined;

/** Wires `hinting.ts` in, without importing it: errors are needed before anything else is. */
export function setHintProvider(provider: HintProvider | undefined): void {
  hintProvider = provider;
}

const SYSTEM_ERROR = Symbol.for('nearmetal.SystemError');

let watchingUncaught = false;

/**
 * Node prints an uncaught error's own properties only: this finds the hint just before. It changes
 * nothing else.
 */
function watchUncaught(): void {
  watchingUncaught = true;
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    if (SystemError.is(error)) void error.hint;
  });
}

/** Kept beside the error, because whatever is a property would be printed. */
const factsOf = new WeakMap<SystemError, ErrorDetail['facts']>();

/** A kernel call that failed. Assignable to `NodeJS.ErrnoException`. */
export class SystemError extends Error {
  /** The error's name, such as 'EPERM'. */
  readonly code: string;
  /** Negative, as in Node and in the result of a completion. */
  readonly errno: number;
  /** The system call, or 'io_uring:accept' when the answer came in a completion. */
  readonly syscall: string;
  declare readonly path?: string;
  declare readonly dest?: string;
  declare readonly address?: string;
  declare readonly port?: number;
  declare readonly fd?: number;

  constructor(errno: number, syscall: string, detail?: ErrorDetail) {
    const code = ERRNO_NAMES[-errno] ?? `ERRNO_${-errno}`;
    const words = ERRNO_MESSAGES[-errno] ?? `unknown error ${-errno}`;
    super(`${code}: ${words}, ${syscall}${subject(detail)}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    if (detail !== undefined) this.#adopt(detail);
    if (!watchingUncaught) watchUncaught();
  }

  #adopt(detail: ErrorDetail): void {
    const self = this as { -readonly [Key in keyof SystemError]: SystemError[Key] };
    if (detail.path !== undefined) self.path = detail.path;
    if (detail.dest !== undefined) self.dest = detail.dest;
    if (detail.address !== undefined) self.address = detail.address;
    if (detail.port !== undefined) self.port = detail.port;
    if (detail.fd !== undefined) self.fd = detail.fd;
    if (detail.facts !== undefined) factsOf.set(this, detail.facts);
  }

  /**
   * What to change, in one sentence with the command. Found on the first read: errors on hot paths
   * stay cheap.
   */
  get hint(): string | undefined {
    let hint: string | undefined;
    try {
      hint = hintProvider?.(this, factsOf.get(this));
    } catch {
      // A hint is a courtesy: failing to find one must not hide the error itself.
    }
    Object.defineProperty(this, 'hint', {
      value: hint,
      enumerable: hint !== undefined,
      configurable: true,
      writable: true,
    });
    return hint;
  }

  override toString(): string {
    const hint = this.hint;
    return hint === undefined ? super.toString() : `${super.toString()} (${hint})`;
  }

  /** True for one of ours with one of the codes, or with any code when none is given. */
  static is(error: unknown, ...codes: string[]): error is SystemError {
    if (!branded(error, SYSTEM_ERROR)) return false;
    return codes.length === 0 || codes.includes((error as SystemError).code);
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return branded(value, SYSTEM_ERROR);
  }
}
Object.defineProperty(SystemError.prototype, 'name', {
  value: 'SystemError',
  writable: true,
  configurable: true,
});
Object.defineProperty(SystemError.prototype, SYSTEM_ERROR, { value: true });
// node:util prints an error's own properties, and only those; reading `hint` here makes it one in
// time.
Object.defineProperty(SystemError.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(
    this: SystemError,
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ) {
    void this.hint;
    return inspect(this, { ...options, customInspect: false });
  },
});

function subject(detail: ErrorDetail | undefined): string {
  if (detail === undefined) return '';
  if (detail.path !== undefined) {
    return detail.dest === undefined
      ? ` '${detail.path}'`
      : ` '${detail.path}' -> '${detail.dest}'`;
  }
  if (detail.address !== undefined) {
    return detail.port === undefined ? ` ${detail.address}` : ` ${detail.address}:${detail.port}`;
  }
  return '';
}

/**
 * Makes the error for the result of a completion: no frame of the stack, where only the loop is,
 * says anything of who asked for it, and to collect them costs more than the operation.
 */
export function completionError(
  result: number,
  syscall: string,
  detail?: ErrorDetail,
): SystemError {
  const limit = Error.stackTraceLimit;
  // It may not be writable (--frozen-intrinsics).
  const changed = Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return new SystemError(result, syscall, detail);
  } finally {
    if (changed) Error.stackTraceLimit = limit;
  }
}

/** Makes the error for a result of `-errno`; its stack begins at the caller. */
export function systemError(result: number, syscall: string, detail?: ErrorDetail): SystemError {
  const error = completionError(result, syscall, detail);
  Error.captureStackTrace(error, systemError);
  return error;
}

/** Answers `result`, or throws when it is `-errno`; the stack begins at the caller. */
export function check(result: number, syscall: string, detail?: ErrorDetail): number {
  if (result >= 0) return result;
  const error = completionError(result, syscall, detail);
  Error.captureStackTrace(error, check);
  throw error;
}

/** The error of an operation given up by `signal`, as node:fs/promises makes it. */
export function abortError(signal: AbortSignal): Error & { code: 'ABORT_ERR' } {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  Object.defineProperty(error, 'name', { value: 'AbortError', writable: true, configurable: true });
  Error.captureStackTrace(error, abortError);
  return Object.assign(error, { code: 'ABORT_ERR' as const });
}

/** Throws: the kernel answered what its manual rules out. */
export function unexpected(result: number, where: string): never {
  const hex = `0x${(result >>> 0).toString(16).padStart(8, '0')}`;
  const name = result < 0 ? ` (${ERRNO_NAMES[-result] ?? 'no known error'})` : '';
  const error = new Error(
    `unexpected result ${result}${name} = ${hex} in ${where}: please report this`,
  );
  Error.captureStackTrace(error, unexpected);
  throw Object.assign(error, { code: 'ERR_NEARMETAL_UNEXPECTED' });
}
