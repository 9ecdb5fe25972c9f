/** Files that take another one's name when they are whole. */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { SYS_fchmod } from '../abi.js';
import { abortError, check } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { poolSyscall } from '../pool/calls.js';
import type { FileCalls, Signal } from './calls.js';
import { about } from './failure.js';
import { CREATE_NEW, READ_ONLY } from './options.js';

export interface Replacing {
  /** Durable, with its name. */
  readonly sync: boolean;
  /** Of one that replaces none. */
  readonly mode: number;
  /** It must not replace one (EEXIST). Default false. */
  readonly exclusive?: boolean;
  readonly signal: Signal;
}

/** Calls `fill` with a new file beside `path`, and gives it that name; removes it if that fails. */
export async function replaceWith(
  now: FileCalls,
  path: string,
  how: Replacing,
  fill: (file: OwnedFd) => Promise<void>,
): Promise<void> {
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
    await fill(file);
    if (how.sync) await about(now.fsync(file, false, signal), { syscall: 'fsync', path });
    if (signal?.aborted) throw abortError(signal);
    // From here on it is done: no abort leaves the name in doubt.
    await takeName(now, beside, path, how.exclusive ?? false);
  } catch (error) {
    await now.unlink(beside, undefined).catch(() => undefined);
    throw error;
  }
  if (how.sync) await syncDirectory(now, dirname(path));
}

async function takeName(
  now: FileCalls,
  beside: string,
  path: string,
  exclusive: boolean,
): Promise<void> {
  const what = { path: beside, dest: path };
  if (!exclusive) {
    await about(now.rename(beside, path, undefined), { syscall: 'rename', ...what });
    return;
  }
  await about(now.link(beside, path, undefined), { syscall: 'link', ...what });
  await now.unlink(beside, undefined);
}

/** The umask took part of it away. */
async function changeMode(fd: OwnedFd, mode: number): Promise<void> {
  check(await poolSyscall([fd], SYS_fchmod, [fd.fd, mode]), 'fchmod');
}

/** A name is durable when its directory is. */
async function syncDirectory(now: FileCalls, path: string): Promise<void> {
  using directory = await about(now.open(path, READ_ONLY, 0, undefined), { syscall: 'open', path });
  await about(now.fsync(directory, false, undefined), { syscall: 'fsync', path });
}
