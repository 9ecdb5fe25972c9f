/** The error for what this kernel, container or machine does not offer. */
import { branded } from './brand.js';

const UNSUPPORTED_ERROR = Symbol.for('nearmetal.UnsupportedError');

export interface UnsupportedOptions {
  /** What is missing: 'io_uring', 'op:SEND_ZC', 'setup:DEFER_TASKRUN'. */
  readonly feature: string;
  /** The first kernel that has it. */
  readonly since?: string | undefined;
  /** The kernel that runs here. */
  readonly kernel?: string | undefined;
  /** Why it is missing, in a sentence. */
  readonly reason?: string | undefined;
  /** What to type. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Something that this kernel, container or machine does not offer. */
export class UnsupportedError extends Error {
  readonly code = 'ERR_NEARMETAL_UNSUPPORTED';
  readonly feature: string;
  declare readonly since?: string;
  declare readonly kernel?: string;
  declare readonly reason?: string;
  declare readonly hint?: string;

  constructor(options: UnsupportedOptions) {
    super(
      unsupportedMessage(options),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.feature = options.feature;
    for (const key of ['since', 'kernel', 'reason', 'hint'] as const) {
      if (options[key] !== undefined)
        Object.defineProperty(this, key, { value: options[key], enumerable: true });
    }
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return branded(value, UNSUPPORTED_ERROR);
  }
}
Object.defineProperty(UnsupportedError.prototype, 'name', {
  value: 'UnsupportedError',
  writable: true,
  configurable: true,
});
Object.defineProperty(UnsupportedError.prototype, UNSUPPORTED_ERROR, { value: true });

function unsupportedMessage({ feature, since, kernel, reason, hint }: UnsupportedOptions): string {
  let message = `${feature} is not available here`;
  if (reason !== undefined) message += `: ${reason}`;
  else if (since !== undefined)
    message += `: it needs Linux ${since}${kernel ? `, this is ${kernel}` : ''}`;
  return hint === undefined ? message : `${message}. ${hint[0]?.toUpperCase()}${hint.slice(1)}`;
}
