/** The options that calls here have in common, and how a file is opened. */
import {
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TRUNC,
  O_WRONLY,
} from '../abi.js';
import type { CommonOptions } from '../ring/operation.js';
import { modeOf, OPEN_KEYS, type OpenOptions, openFlags } from '../ring/ops/open-flags.js';
import { abortSignal, integer, invalidValue, onlyKeys } from '../validate.js';
import type { Signal } from './calls.js';

export interface SignalOptions {
  /** Gives up, with an AbortError. What a helper thread has begun is waited for. */
  signal?: AbortSignal;
}

/** Checks the keys of `options`, and answers its signal. */
export function signalOf(options: SignalOptions, ...own: readonly string[]): Signal {
  onlyKeys('options', options, [...own, 'signal']);
  return abortSignal('signal', options.signal);
}

/** Node's letters for the commonest ways to open a file. */
const LETTERS = {
  r: O_RDONLY,
  rs: O_RDONLY | O_SYNC,
  'r+': O_RDWR,
  'rs+': O_RDWR | O_SYNC,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  'wx+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND,
  ax: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
  as: O_WRONLY | O_CREAT | O_APPEND | O_SYNC,
  'a+': O_RDWR | O_CREAT | O_APPEND,
  'ax+': O_RDWR | O_CREAT | O_APPEND | O_EXCL,
  'as+': O_RDWR | O_CREAT | O_APPEND | O_SYNC,
} as const;

export type OpenLetters = keyof typeof LETTERS;

export interface FileOpenOptions
  extends Omit<OpenOptions, keyof CommonOptions | 'dirfd' | 'path' | 'tmpfile'>,
    SignalOptions {}

const OWN_KEYS = OPEN_KEYS.filter((key) => !['dirfd', 'path', 'tmpfile'].includes(key));

interface OpenPlan {
  readonly flags: number;
  readonly mode: number;
  readonly direct: boolean;
  readonly signal: Signal;
}

/** O_* bits and the mode, from Node's letters or from options. */
export function openPlan(how: OpenLetters | FileOpenOptions): OpenPlan {
  if (typeof how === 'string') {
    if (!Object.hasOwn(LETTERS, how)) {
      throw invalidValue('flags', `must be one of ${Object.keys(LETTERS).join(', ')}`, how);
    }
    const flags = LETTERS[how] | O_CLOEXEC;
    return { flags, mode: 0o666, direct: false, signal: undefined };
  }
  const signal = signalOf(how, ...OWN_KEYS);
  const flags = openFlags(how) | O_CLOEXEC;
  return { flags, mode: modeOf(how), direct: (flags & O_DIRECT) !== 0, signal };
}

/** To read, with O_NOFOLLOW where it must not be a symbolic link. */
export const READ_ONLY = O_RDONLY | O_CLOEXEC;
export const CREATE_NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
export const REPLACE = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;

export function modeBits(mode: number | undefined, otherwise: number): number {
  return integer('mode', mode ?? otherwise, 0, 0o7777);
}
