/** The folder that a log is: its lock, its segments' names, and that both are durable. */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { ENOENT, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC } from '../abi.js';
import { SystemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { tryLock } from '../fd/locks.js';
import type { FileCalls } from '../fs/calls.js';
import { readdir } from '../fs/directory.js';
import { about } from '../fs/failure.js';
import { LogCorruptError, LogLockedError } from './errors.js';
import { readAt } from './frame-reader.js';
import { decodeHeader, encodeHeader, HEADER_BYTES, isSegmentName, segmentName } from './layout.js';
import type { OpenSegment } from './recovery.js';
import { writeOut } from './write-fully.js';

const MODE = 0o666;
const FOLDER_MODE = 0o777;
const LOCK = 'lock';
/** A segment in the making: it gets its name when its header is durable. */
const UNFINISHED = 'unfinished';

export class Folder {
  readonly path: string;
  readonly #calls: FileCalls;
  readonly #folder: OwnedFd;
  readonly #lock: OwnedFd;

  private constructor(path: string, calls: FileCalls, folder: OwnedFd, lock: OwnedFd) {
    this.path = path;
    this.#calls = calls;
    this.#folder = folder;
    this.#lock = lock;
  }

  /** Makes the folder where there is none, and locks it. */
  static async open(path: string, calls: FileCalls): Promise<Folder> {
    await makeFolder(path, calls);
    const folder = await openAt(calls, path, O_RDONLY | O_DIRECTORY);
    let lock: OwnedFd | undefined;
    try {
      lock = await openAt(calls, join(path, LOCK), O_RDWR | O_CREAT);
      if (!tryLock(lock)) throw new LogLockedError(path);
      const log = new Folder(path, calls, folder, lock);
      await log.#tidy();
      return log;
    } catch (error) {
      lock?.close();
      folder.close();
      throw error;
    }
  }

  /** Removes what a crash left half made. */
  async #tidy(): Promise<void> {
    const unlinking = this.#calls.unlink(join(this.path, UNFINISHED), undefined);
    await unlinking.catch((error: NodeJS.ErrnoException) => {
      if (error.errno !== -ENOENT) throw error;
    });
  }

  /** The first records of all segments, in order. */
  async firsts(): Promise<number[]> {
    const names = await readdir(this.path);
    return names
      .filter(isSegmentName)
      .map((name) => Number.parseInt(name, 10))
      .sort((left, right) => left - right);
  }

  segmentPath(first: number): string {
    return join(this.path, segmentName(first));
  }

  async openSegment(first: number, write: boolean): Promise<OpenSegment> {
    const path = this.segmentPath(first);
    const file = await openAt(this.#calls, path, write ? O_RDWR : O_RDONLY);
    try {
      const header = decodeHeader(await readAt(this.#calls, file, 0, HEADER_BYTES));
      if (typeof header === 'string') throw new LogCorruptError(path, 0, first, header);
      if (header.first !== first) {
        const why = `its header is that of the segment of record ${header.first}`;
        throw new LogCorruptError(path, 0, first, why);
      }
      const { size } = await about(this.#calls.statx(file, false, undefined), named('fstat', path));
      return { path, file, header, size };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Makes a segment, durably: it has its name only when its header is on the disk. */
  async create(first: number): Promise<OpenSegment> {
    const path = this.segmentPath(first);
    const unfinished = join(this.path, UNFINISHED);
    const header = { first, seed: randomBytes(4).readUInt32LE() };
    const file = await openAt(this.#calls, unfinished, O_RDWR | O_CREAT | O_TRUNC);
    try {
      const piece = { file, bytes: encodeHeader(header), position: 0 };
      await writeOut(this.#calls, piece, unfinished);
      await about(this.#calls.fsync(file, false, undefined), named('fsync', unfinished));
      await about(this.#calls.rename(unfinished, path, undefined), named('rename', unfinished));
    } catch (error) {
      file.close();
      await this.#tidy().catch(() => undefined);
      throw error;
    }
    return { path, file, header, size: HEADER_BYTES };
  }

  async remove(first: number): Promise<void> {
    const path = this.segmentPath(first);
    await about(this.#calls.unlink(path, undefined), named('unlink', path));
  }

  /** Makes names durable: those made, and that those removed are gone. */
  sync(): Promise<void> {
    return about(this.#calls.fsync(this.#folder, false, undefined), named('fsync', this.path));
  }

  close(): void {
    this.#lock.close();
    this.#folder.close();
  }
}

const named = (syscall: string, path: string): { syscall: string; path: string } => ({
  syscall,
  path,
});

function openAt(calls: FileCalls, path: string, flags: number): Promise<OwnedFd> {
  return about(calls.open(path, flags | O_CLOEXEC, MODE, undefined), named('open', path));
}

/** A new folder's own name has to be durable too. */
async function makeFolder(path: string, calls: FileCalls): Promise<void> {
  try {
    await about(calls.mkdir(path, FOLDER_MODE, undefined), named('mkdir', path));
  } catch (error) {
    if (SystemError.is(error, 'EEXIST')) return;
    throw error;
  }
  const parent = dirname(path);
  using folder = await openAt(calls, parent, O_RDONLY | O_DIRECTORY);
  await about(calls.fsync(folder, false, undefined), named('fsync', parent));
}
