/** What everything here is made of: a few calls, over io_uring or over Node's helper threads. */
import type { OwnedFd } from '../fd/fd.js';
import type { PathLike } from '../path.js';
import type { FallocateOptions } from '../ring/ops/fallocate.js';
import type { FileAdvice } from '../ring/ops/file-bits.js';
import type { FileStatus } from '../ring/ops/file-status.js';

export type Signal = AbortSignal | undefined;
export type AllocateOptions = Omit<FallocateOptions, 'async' | 'drain' | 'personality'>;

/**
 * What is durable when a write has succeeded: nothing more than before, what was written, or all of
 * the file.
 */
export type Durability = 'none' | 'written' | 'file';

/** How a write with a sync behind it ended; neither throws. */
export interface DurableWrite {
  /** Bytes, which may be fewer than asked, or -errno. */
  readonly written: number;
  /** 0 or -errno; where it was not tried, or not asked for, -ECANCELED. */
  readonly synced: number;
}

/** Errors have the names that the way taken gives them; who calls names them after Node's. */
export interface FileCalls {
  readonly name: 'io_uring' | 'threads';
  open(path: PathLike, flags: number, mode: number, signal: Signal): Promise<OwnedFd>;
  /** An offset of -1 is the file's own position. */
  read(file: OwnedFd, target: ArrayBufferView, offset: number, signal: Signal): Promise<number>;
  write(file: OwnedFd, source: ArrayBufferView, offset: number, signal: Signal): Promise<number>;
  readv(
    file: OwnedFd,
    targets: readonly ArrayBufferView[],
    offset: number,
    signal: Signal,
  ): Promise<number>;
  writev(
    file: OwnedFd,
    sources: readonly ArrayBufferView[],
    offset: number,
    signal: Signal,
  ): Promise<number>;
  fsync(file: OwnedFd, datasync: boolean, signal: Signal): Promise<void>;
  /**
   * Writes at the end of a file, which is at `offset`, and makes it durable: in one submission, of
   * one operation where that can be. Fewer bytes than asked are as durable; the file is not.
   */
  writeDurably(
    file: OwnedFd,
    source: Uint8Array,
    offset: number,
    what: Durability,
  ): Promise<DurableWrite>;
  ftruncate(file: OwnedFd, length: number, signal: Signal): Promise<void>;
  fallocate(
    file: OwnedFd,
    offset: number,
    length: number,
    options: AllocateOptions,
    signal: Signal,
  ): Promise<void>;
  fadvise(
    file: OwnedFd,
    advice: FileAdvice,
    offset: number,
    length: number,
    signal: Signal,
  ): Promise<void>;
  statx(target: PathLike | OwnedFd, noFollow: boolean, signal: Signal): Promise<FileStatus>;
  rename(from: PathLike, to: PathLike, signal: Signal): Promise<void>;
  unlink(path: PathLike, signal: Signal): Promise<void>;
  rmdir(path: PathLike, signal: Signal): Promise<void>;
  mkdir(path: PathLike, mode: number, signal: Signal): Promise<void>;
  link(existing: PathLike, path: PathLike, signal: Signal): Promise<void>;
  symlink(target: PathLike, path: PathLike, signal: Signal): Promise<void>;
}
