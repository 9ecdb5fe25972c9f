/** What is done to files by their names, as methods of a ring. */
import type { DirectFd, FdLike, OwnedFd } from '../../fd/fd.js';
import type { Into } from '../into.js';
import type { FileStatus } from '../ops/file-status.js';
import * as op from '../ops/index.js';
import type { LinkOptions } from '../ops/linkat.js';
import type { MkdirOptions } from '../ops/mkdirat.js';
import type { OpenOptions } from '../ops/open-flags.js';
import type { Openat2Options } from '../ops/openat2.js';
import type { PathLike } from '../ops/path.js';
import type { RenameOptions } from '../ops/renameat.js';
import type { StatxOptions } from '../ops/statx.js';
import type { SymlinkOptions } from '../ops/symlinkat.js';
import type { UnlinkOptions } from '../ops/unlinkat.js';
import type { RunOptions } from '../sinks.js';
import { split } from './doors.js';
import { FileVerbs } from './files.js';

export abstract class PathVerbs extends FileVerbs {
  openat(path: PathLike, options?: OpenOptions & RunOptions): Promise<OwnedFd>;
  openat(path: PathLike, options: OpenOptions & Into & RunOptions): Promise<DirectFd>;
  openat(
    path: PathLike,
    options?: OpenOptions & Partial<Into> & RunOptions,
  ): Promise<OwnedFd | DirectFd> {
    const [own, run] = split(options as (OpenOptions & Into & RunOptions) | undefined);
    return this.run(op.openat(path, own), run);
  }

  openat2(path: PathLike, options?: Openat2Options & RunOptions): Promise<OwnedFd>;
  openat2(path: PathLike, options: Openat2Options & Into & RunOptions): Promise<DirectFd>;
  openat2(
    path: PathLike,
    options?: Openat2Options & Partial<Into> & RunOptions,
  ): Promise<OwnedFd | DirectFd> {
    const [own, run] = split(options as (Openat2Options & Into & RunOptions) | undefined);
    return this.run(op.openat2(path, own), run);
  }

  statx(target: PathLike | FdLike, options?: StatxOptions & RunOptions): Promise<FileStatus> {
    const [own, run] = split<StatxOptions>(options);
    return this.run(op.statx(target, own), run);
  }

  renameat(
    oldPath: PathLike,
    newPath: PathLike,
    options?: RenameOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<RenameOptions>(options);
    return this.run(op.renameat(oldPath, newPath, own), run);
  }

  unlinkat(path: PathLike, options?: UnlinkOptions & RunOptions): Promise<void> {
    const [own, run] = split<UnlinkOptions>(options);
    return this.run(op.unlinkat(path, own), run);
  }

  mkdirat(path: PathLike, options?: MkdirOptions & RunOptions): Promise<void> {
    const [own, run] = split<MkdirOptions>(options);
    return this.run(op.mkdirat(path, own), run);
  }

  symlinkat(
    target: PathLike,
    path: PathLike,
    options?: SymlinkOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<SymlinkOptions>(options);
    return this.run(op.symlinkat(target, path, own), run);
  }

  linkat(
    existing: PathLike | FdLike,
    newPath: PathLike,
    options?: LinkOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<LinkOptions>(options);
    return this.run(op.linkat(existing, newPath, own), run);
  }
}
