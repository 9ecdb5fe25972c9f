/** Whole files: read, written (in one step if asked), and copied by reference where that can be. */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import {
  EFBIG,
  EINTR,
  EINVAL,
  EOPNOTSUPP,
  EXDEV,
  FICLONE,
  O_EXCL,
  O_TRUNC,
  SYS_ioctl,
} from '../abi.js';
import { abortError, check, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { poolCopyFileRange, poolSyscall } from '../pool/calls.js';
import { boolean, bytesView, invalidType, oneOf } from '../validate.js';
import type { FileCalls, Signal } from './calls.js';
import { calls } from './choose.js';
import { about } from './failure.js';
import {
  CREATE_NEW,
  modeBits,
  READ_ONLY,
  REPLACE,
  type SignalOptions,
  signalOf,
} from './options.js';

/** At once: what staging keeps, and little enough that reading it does not hold the loop up. */
const CHUNK_BYTES = 1 << 20;
/** Of a copy: short enough to be given up soon, long enough to cost nothing. */
const COPY_BYTES = 64 << 20;
/** As far as a Buffer goes in every Node that we know. */
const FILE_MAX = 2 ** 32;

export interface ReadFileOptions extends SignalOptions {
  /** Gives a string. Default: a Buffer. */
  encoding?: BufferEncoding | undefined;
}

/**
 * All of a file.
 *
 * @errno EFBIG it has more than 4 GiB: read it in parts
 * @kernel 5.6 IORING_OP_READ
 * @man read(2)
 */
export function readFile(
  path: PathLike,
  options: ReadFileOptions & { encoding: BufferEncoding },
): Promise<string>;
export function readFile(path: PathLike, options?: SignalOptions): Promise<Buffer>;
export async function readFile(
  path: PathLike,
  options: ReadFileOptions = {},
): Promise<string | Buffer> {
  const signal = signalOf(options, 'encoding');
  const { encoding } = options;
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) {
    throw invalidType('encoding', 'the name of an encoding', encoding);
  }
  pathBytes('path', path);
  const shown = shownPath(path);
  const now = calls();
  using fd = await about(now.open(path, READ_ONLY, 0, signal), { syscall: 'open', path: shown });
  const bytes = await about(readAll(now, fd, signal), { syscall: 'read', path: shown });
  return encoding === undefined ? bytes : bytes.toString(encoding);
}

async function readAll(now: FileCalls, fd: OwnedFd, signal: Signal): Promise<Buffer> {
  const { size, type } = await now.statx(fd, false, signal);
  if (size > FILE_MAX) throw systemError(-EFBIG, 'read');
  // What has no size, as in /proc, is read until its end.
  let bytes = Buffer.allocUnsafeSlow(type === 'file' && size > 0 ? size : 8192);
  let length = 0;
  for (;;) {
    if (length === bytes.length) {
      // It may have grown: one read more finds the end without a larger buffer.
      const rest = Buffer.allocUnsafe(4096);
      const count = await now.read(fd, rest, positionOf(type, length), signal);
      if (count === 0) return bytes;
      const grown = Buffer.allocUnsafeSlow(Math.max(length * 2, length + count));
      bytes.copy(grown);
      rest.copy(grown, length, 0, count);
      bytes = grown;
      length += count;
      continue;
    }
    const target = bytes.subarray(length, Math.min(length + CHUNK_BYTES, bytes.length));
    const count = await now.read(fd, target, positionOf(type, length), signal);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
  }
}

/** Pipes and the like have no offsets. */
const positionOf = (type: string, length: number): number => (type === 'file' ? length : -1);

export interface WriteFileOptions extends SignalOptions {
  /**
   * Replaces the file in one step: written beside it under another name, synced, and renamed, so
   * that others see the old contents or the new, also after a power failure. The mode of a file
   * that is there is kept. Default false.
   */
  atomic?: boolean;
  /** Waits until it is durable. Default: as `atomic`. */
  sync?: boolean;
  /** Of a new file, less the umask. Default 0o666. */
  mode?: number;
}

/**
 * Makes a file of these contents.
 *
 * @errno ENOSPC there is no room; with `atomic` the file is as it was
 * @kernel 5.6 IORING_OP_WRITE
 * @man write(2), rename(2), fsync(2)
 */
export async function writeFile(
  path: PathLike,
  data: string | ArrayBufferView,
  options: WriteFileOptions = {},
): Promise<void> {
  const signal = signalOf(options, 'atomic', 'sync', 'mode');
  const atomic = boolean('atomic', options.atomic ?? false);
  const sync = boolean('sync', options.sync ?? atomic);
  const mode = modeBits(options.mode, 0o666);
  pathBytes('path', path);
  const view = typeof data === 'string' ? Buffer.from(data) : bytesView('data', data);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const shown = shownPath(path);
  if (atomic) await replace(shown, bytes, { sync, mode, signal });
  else {
    const now = calls();
    const opening = now.open(path, REPLACE, mode, signal);
    using fd = await about(opening, { syscall: 'open', path: shown });
    await about(writeAll(now, fd, bytes, signal), { syscall: 'write', path: shown });
    if (sync) await about(now.fsync(fd, false, signal), { syscall: 'fsync', path: shown });
  }
}

async function writeAll(
  now: FileCalls,
  fd: OwnedFd,
  bytes: Uint8Array,
  signal: Signal,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const source = bytes.subarray(done, done + CHUNK_BYTES);
    const count = await now.write(fd, source, -1, signal);
    if (count === 0) throw systemError(-EINVAL, 'write');
    done += count;
  }
}

interface Replacing {
  readonly sync: boolean;
  readonly mode: number;
  readonly signal: Signal;
}

async function replace(path: string, bytes: Uint8Array, how: Replacing): Promise<void> {
  const now = calls();
  const { signal } = how;
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  // Written through to the old file's permissions, which are what others rely on.
  const mode = await now.statx(path, false, signal).then(
    (status) => status.mode & 0o7777,
    () => undefined,
  );
  const opening = now.open(beside, CREATE_NEW, mode ?? how.mode, signal);
  const fd = await about(opening, { syscall: 'open', path });
  try {
    using file = fd;
    if (mode !== undefined) await changeMode(file, mode);
    await about(writeAll(now, file, bytes, signal), { syscall: 'write', path });
    if (how.sync) await about(now.fsync(file, false, signal), { syscall: 'fsync', path });
    if (signal?.aborted) throw abortError(signal);
    // From here on it is done: no abort leaves the name in doubt.
    await about(now.rename(beside, path, undefined), {
      syscall: 'rename',
      path: beside,
      dest: path,
    });
  } catch (error) {
    await now.unlink(beside, undefined).catch(() => undefined);
    throw error;
  }
  if (how.sync) await syncDirectory(now, dirname(path));
}

/** The umask took part of it away. */
async function changeMode(fd: OwnedFd, mode: number): Promise<void> {
  const { fchmod } = process.getBuiltinModule('node:fs');
  await new Promise<void>((resolve, reject) => {
    fchmod(fd.fd, mode, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** A name is durable when its directory is. */
async function syncDirectory(now: FileCalls, path: string): Promise<void> {
  using directory = await about(now.open(path, READ_ONLY, 0, undefined), { syscall: 'open', path });
  await about(now.fsync(directory, false, undefined), { syscall: 'fsync', path });
}

export interface CopyFileOptions extends SignalOptions {
  /** Fails when there is something of the new name. Default false. */
  exclusive?: boolean;
  /**
   * 'try' shares the blocks where the file system can, 'force' fails where it cannot (EOPNOTSUPP,
   * EXDEV), 'never' copies. Default 'try'.
   */
  reflink?: 'try' | 'force' | 'never';
}

/**
 * Copies a file; its bytes never come here. A copy that fails or is given up is removed, if it is
 * new. A file that was there before stays: as it was when not a byte had been copied, else as far
 * as the copy came.
 *
 * Resolves with the bytes that it has.
 *
 * @errno EEXIST `exclusive`, and there is something of the new name
 * @kernel 4.5 copy_file_range, 5.3 between file systems
 * @man copy_file_range(2), ioctl_ficlone(2)
 */
export async function copyFile(
  source: PathLike,
  target: PathLike,
  options: CopyFileOptions = {},
): Promise<number> {
  const signal = signalOf(options, 'exclusive', 'reflink');
  const exclusive = boolean('exclusive', options.exclusive ?? false);
  const reflink = oneOf('reflink', options.reflink ?? 'try', ['try', 'force', 'never']);
  pathBytes('source', source);
  pathBytes('target', target);
  const what = { syscall: 'copyfile', path: shownPath(source), dest: shownPath(target) };
  const now = calls();
  using from = await about(now.open(source, READ_ONLY, 0, signal), what);
  const { mode, size, inode, deviceMajor, deviceMinor } = await about(
    now.statx(from, false, signal),
    what,
  );
  const opening = openTarget(now, target, mode & 0o777, exclusive, signal);
  const { fd, isNew } = await about(opening, what);
  using into = fd;
  try {
    const there = await about(now.statx(into, false, signal), what);
    const same =
      there.inode === inode &&
      there.deviceMajor === deviceMajor &&
      there.deviceMinor === deviceMinor;
    if (same) return size;
    const cloned = reflink !== 'never' && (await clone(from, into, reflink === 'force', what));
    const bytes = cloned ? size : await about(copyRange(now, from, into, signal), what);
    // Not emptied before, when the source might still turn out not to be readable.
    if (there.size > bytes) await about(now.ftruncate(into, bytes, undefined), what);
    return bytes;
  } catch (error) {
    if (isNew) await now.unlink(target, undefined).catch(() => undefined);
    throw error;
  }
}

/** Knows of a new file that it is one: only that may be removed again. */
async function openTarget(
  now: FileCalls,
  path: PathLike,
  mode: number,
  exclusive: boolean,
  signal: Signal,
): Promise<{ fd: OwnedFd; isNew: boolean }> {
  const flags = REPLACE & ~O_TRUNC;
  try {
    return { fd: await now.open(path, flags | O_EXCL, mode, signal), isNew: true };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (exclusive || code !== 'EEXIST') throw error;
    return { fd: await now.open(path, flags, mode, signal), isNew: false };
  }
}

async function clone(
  from: OwnedFd,
  into: OwnedFd,
  force: boolean,
  what: { syscall: string; path: string; dest: string },
): Promise<boolean> {
  const result = await poolSyscall([into, from], SYS_ioctl, [into.fd, FICLONE, from.fd]);
  if (result >= 0) return true;
  if (force) throw systemError(result, 'ioctl_ficlone', { path: what.path, dest: what.dest });
  return false;
}

async function copyRange(
  now: FileCalls,
  from: OwnedFd,
  into: OwnedFd,
  signal: Signal,
): Promise<number> {
  for (let done = 0; ; ) {
    if (signal?.aborted) throw abortError(signal);
    const result = await poolCopyFileRange(from, done, into, done, COPY_BYTES);
    if (result === -EINTR) continue;
    // Not between these two file systems; /proc and the like say that they are empty.
    if ([-EXDEV, -EINVAL, -EOPNOTSUPP].includes(result) || (result === 0 && done === 0)) {
      return done + (await copyThroughMemory(now, from, into, done, signal));
    }
    if (check(result, 'copy_file_range') === 0) return done;
    done += result;
  }
}

async function copyThroughMemory(
  now: FileCalls,
  from: OwnedFd,
  into: OwnedFd,
  start: number,
  signal: Signal,
): Promise<number> {
  const bytes = new Uint8Array(CHUNK_BYTES);
  for (let done = start; ; ) {
    const count = await now.read(from, bytes, done, signal);
    if (count === 0) return done - start;
    for (let written = 0; written < count; ) {
      const source = bytes.subarray(written, count);
      written += await now.write(into, source, done + written, signal);
    }
    done += count;
  }
}
