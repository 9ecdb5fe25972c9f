/** What is done to open files beside reading and writing, as methods of a ring. */
import type { DirectFd, FdLike } from '../../fd/fd.js';
import type { Mapping } from '../../memory/mapping.js';
import type { CommonOptions } from '../operation.js';
import type { FadviseOptions } from '../ops/fadvise.js';
import type { FallocateOptions } from '../ops/fallocate.js';
import type { FileAdvice } from '../ops/file-bits.js';
import type { FsyncOptions } from '../ops/fsync.js';
import * as op from '../ops/index.js';
import type { MemoryAdvice } from '../ops/madvise.js';
import type { PathLike } from '../ops/path.js';
import type { SyncFileRangeOptions } from '../ops/sync-file-range.js';
import type { GetxattrOptions, SetxattrOptions } from '../ops/xattr.js';
import type { RunOptions } from '../sinks.js';
import { split } from './doors.js';
import { IoVerbs } from './io.js';

export abstract class FileVerbs extends IoVerbs {
  fsync(fd: FdLike | DirectFd, options?: FsyncOptions & RunOptions): Promise<void> {
    const [own, run] = split<FsyncOptions>(options);
    return this.run(op.fsync(fd, own), run);
  }

  syncFileRange(fd: FdLike | DirectFd, options?: SyncFileRangeOptions & RunOptions): Promise<void> {
    const [own, run] = split<SyncFileRangeOptions>(options);
    return this.run(op.syncFileRange(fd, own), run);
  }

  fallocate(
    fd: FdLike | DirectFd,
    offset: number,
    length: number,
    options?: FallocateOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<FallocateOptions>(options);
    return this.run(op.fallocate(fd, offset, length, own), run);
  }

  ftruncate(
    fd: FdLike | DirectFd,
    length: number,
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.ftruncate(fd, length, own), run);
  }

  fadvise(
    fd: FdLike | DirectFd,
    advice: FileAdvice,
    options?: FadviseOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<FadviseOptions>(options);
    return this.run(op.fadvise(fd, advice, own), run);
  }

  madvise(
    memory: Mapping | ArrayBufferView,
    advice: MemoryAdvice,
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.madvise(memory, advice, own), run);
  }

  getxattr(
    path: PathLike,
    name: string,
    options?: GetxattrOptions & RunOptions,
  ): Promise<Uint8Array> {
    const [own, run] = split<GetxattrOptions>(options);
    return this.run(op.getxattr(path, name, own), run);
  }

  fgetxattr(
    fd: FdLike | DirectFd,
    name: string,
    options?: GetxattrOptions & RunOptions,
  ): Promise<Uint8Array> {
    const [own, run] = split<GetxattrOptions>(options);
    return this.run(op.fgetxattr(fd, name, own), run);
  }

  setxattr(
    path: PathLike,
    name: string,
    value: ArrayBufferView,
    options?: SetxattrOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<SetxattrOptions>(options);
    return this.run(op.setxattr(path, name, value, own), run);
  }

  fsetxattr(
    fd: FdLike | DirectFd,
    name: string,
    value: ArrayBufferView,
    options?: SetxattrOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<SetxattrOptions>(options);
    return this.run(op.fsetxattr(fd, name, value, own), run);
  }
}
