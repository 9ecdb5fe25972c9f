/** Copies of files, by reference where that can be; their bytes never come here, or hardly. */
import { EINTR, EINVAL, EOPNOTSUPP, EXDEV, FICLONE, O_EXCL, O_TRUNC, SYS_ioctl } from '../abi.js';
import { abortError, check, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { poolCopyFileRange, poolSyscall } from '../pool/calls.js';
import { boolean, oneOf } from '../validate.js';
import type { FileCalls, Signal } from './calls.js';
import { calls } from './choose.js';
import { about } from './failure.js';
import { READ_ONLY, REPLACE, type SignalOptions, signalOf } from './options.js';
import { replaceWith } from './replace.js';

/** Of a copy through memory: what staging keeps. */
const CHUNK_BYTES = 1 << 20;
/** Short enough to be given up soon, long enough to cost nothing. */
const COPY_BYTES = 64 << 20;

export interface CopyFileOptions extends SignalOptions {
  /** Fails when there is something of the new name. Default false. */
  exclusive?: boolean;
  /**
   * 'try' shares the blocks where the file system can, 'force' fails where it cannot (EOPNOTSUPP,
   * EXDEV), 'never' copies. Default 'try'.
   */
  reflink?: 'try' | 'force' | 'never';
  /**
   * Copies to another name beside the new one, syncs, and renames: whatever happens, what is there
   * is the old file or the whole copy, also after a power failure. Default false.
   */
  atomic?: boolean;
}

/**
 * Copies a file; its bytes never come here. A copy that fails or is given up is removed, if it is
 * new. A file that was there before stays: with `atomic` as it was; else as far as the copy came.
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
  const signal = signalOf(options, 'exclusive', 'reflink', 'atomic');
  const atomic = boolean('atomic', options.atomic ?? false);
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
  if (atomic) {
    let bytes = 0;
    const how = { sync: true, mode: mode & 0o777, exclusive, signal };
    await replaceWith(now, what.dest, how, async (into) => {
      bytes = await fill(now, from, into, size, { reflink, signal, what });
    });
    return bytes;
  }
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
    const bytes = await fill(now, from, into, size, { reflink, signal, what });
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

interface Filling {
  readonly reflink: 'try' | 'force' | 'never';
  readonly signal: Signal;
  readonly what: { readonly syscall: string; readonly path: string; readonly dest: string };
}

async function fill(
  now: FileCalls,
  from: OwnedFd,
  into: OwnedFd,
  size: number,
  { reflink, signal, what }: Filling,
): Promise<number> {
  if (reflink !== 'never') {
    const result = await poolSyscall([into, from], SYS_ioctl, [into.fd, FICLONE, from.fd]);
    if (result >= 0) return size;
    const { path, dest } = what;
    if (reflink === 'force') throw systemError(result, 'ioctl_ficlone', { path, dest });
  }
  return await about(copyRange(now, from, into, signal), what);
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
