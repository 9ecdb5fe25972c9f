/** What is done to files by their names. */

import { readlink as nodeReadlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EEXIST, ENOENT, ENOTDIR } from '../abi.js';
import { SystemError } from '../errors.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import type { FileStatus } from '../ring/ops/file-status.js';
import { boolean } from '../validate.js';
import type { Signal } from './calls.js';
import { calls } from './choose.js';
import { type About, about } from './failure.js';
import { modeBits, type SignalOptions, signalOf } from './options.js';

function one(syscall: string, path: PathLike): About {
  pathBytes('path', path);
  return { syscall, path: shownPath(path) };
}

function two(syscall: string, from: PathLike, to: PathLike): About {
  pathBytes('oldPath', from);
  pathBytes('newPath', to);
  return { syscall, path: shownPath(from), dest: shownPath(to) };
}

/** Facts about what `path` leads to. @kernel 5.6 IORING_OP_STATX @man statx(2) */
export function stat(path: PathLike, options: SignalOptions = {}): Promise<FileStatus> {
  const signal = signalOf(options);
  const what = one('stat', path);
  return about(calls().statx(path, false, signal), what);
}

/** As `stat`, of a symbolic link itself. */
export function lstat(path: PathLike, options: SignalOptions = {}): Promise<FileStatus> {
  const signal = signalOf(options);
  const what = one('lstat', path);
  return about(calls().statx(path, true, signal), what);
}

/** Moves a file, in place of what may be at `newPath`. @man rename(2) */
export function rename(
  oldPath: PathLike,
  newPath: PathLike,
  options: SignalOptions = {},
): Promise<void> {
  const signal = signalOf(options);
  const what = two('rename', oldPath, newPath);
  return about(calls().rename(oldPath, newPath, signal), what);
}

/** Takes a name away, which may not be a directory's. @man unlink(2) */
export function unlink(path: PathLike, options: SignalOptions = {}): Promise<void> {
  const signal = signalOf(options);
  const what = one('unlink', path);
  return about(calls().unlink(path, signal), what);
}

/** Removes an empty directory. @man rmdir(2) */
export function rmdir(path: PathLike, options: SignalOptions = {}): Promise<void> {
  const signal = signalOf(options);
  const what = one('rmdir', path);
  return about(calls().rmdir(path, signal), what);
}

/** Gives a file another name. @man link(2) */
export function link(
  existingPath: PathLike,
  newPath: PathLike,
  options: SignalOptions = {},
): Promise<void> {
  const signal = signalOf(options);
  const what = two('link', existingPath, newPath);
  return about(calls().link(existingPath, newPath, signal), what);
}

/** Makes a symbolic link at `path` to `target`, which need not exist. @man symlink(2) */
export function symlink(
  target: PathLike,
  path: PathLike,
  options: SignalOptions = {},
): Promise<void> {
  const signal = signalOf(options);
  const what = two('symlink', target, path);
  return about(calls().symlink(target, path, signal), what);
}

/** What a symbolic link says; io_uring has no such operation, so a helper thread asks. */
export function readlink(path: PathLike, options: SignalOptions = {}): Promise<string> {
  const signal = signalOf(options);
  const what = one('readlink', path);
  signal?.throwIfAborted();
  return about(nodeReadlink(path instanceof Uint8Array ? Buffer.from(path) : path), what);
}

export interface MkdirOptions extends SignalOptions {
  /** Makes what is missing above it too, and is content with one that is there. Default false. */
  recursive?: boolean;
  /** Permissions, less the umask. Default 0o777. */
  mode?: number;
}

/**
 * Makes a directory. With `recursive` it resolves with the first one that it made, or undefined.
 *
 * @errno EEXIST there is something of that name
 * @man mkdir(2)
 */
export function mkdir(path: PathLike, options: MkdirOptions = {}): Promise<string | undefined> {
  const signal = signalOf(options, 'recursive', 'mode');
  const mode = modeBits(options.mode, 0o777);
  const recursive = boolean('recursive', options.recursive ?? false);
  const what = one('mkdir', path);
  if (recursive) return mkdirAll(shownPath(path), mode, signal);
  return about(calls().mkdir(path, mode, signal), what).then(() => undefined);
}

async function mkdirAll(path: string, mode: number, signal: Signal): Promise<string | undefined> {
  const made = (): Promise<void> =>
    about(calls().mkdir(path, mode, signal), { syscall: 'mkdir', path });
  try {
    await made();
    return path;
  } catch (error) {
    if (SystemError.is(error, 'EEXIST')) return await contentWith(path, error);
    const above = dirname(path);
    if (!isCode(error, ENOENT) || above === path) throw error;
    const first = await mkdirAll(above, mode, signal);
    try {
      await made();
    } catch (second) {
      // Somebody else was quicker.
      if (!isCode(second, EEXIST)) throw second;
    }
    return first ?? path;
  }
}

async function contentWith(path: string, error: SystemError): Promise<undefined> {
  const { type } = await stat(path);
  if (type !== 'directory') throw error;
  return undefined;
}

/** @internal */
export function isCode(error: unknown, ...numbers: readonly number[]): boolean {
  return SystemError.is(error) && numbers.includes(-error.errno);
}

/** @internal What stands for "there is nothing of that name". */
export const MISSING = [ENOENT, ENOTDIR] as const;
