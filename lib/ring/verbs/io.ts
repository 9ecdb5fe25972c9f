/** Moving bytes between files and memory, as methods of a ring. */
import type { DirectFd, FdLike } from '../../fd/fd.js';
import type { FsyncOptions } from '../ops/fsync.js';
import * as op from '../ops/index.js';
import type { ReadOptions } from '../ops/read.js';
import type { WriteOptions } from '../ops/write.js';
import type { RunOptions } from '../sinks.js';
import { Doors, split } from './doors.js';

export abstract class IoVerbs extends Doors {
  read(
    fd: FdLike | DirectFd,
    target: ArrayBufferView,
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.read(fd, target, own), run);
  }

  readFixed(
    fd: FdLike | DirectFd,
    target: ArrayBufferView,
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.readFixed(fd, target, own), run);
  }

  readv(
    fd: FdLike | DirectFd,
    targets: readonly ArrayBufferView[],
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.readv(fd, targets, own), run);
  }

  write(
    fd: FdLike | DirectFd,
    source: ArrayBufferView,
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.write(fd, source, own), run);
  }

  writeFixed(
    fd: FdLike | DirectFd,
    source: ArrayBufferView,
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.writeFixed(fd, source, own), run);
  }

  writev(
    fd: FdLike | DirectFd,
    sources: readonly ArrayBufferView[],
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.writev(fd, sources, own), run);
  }

  fsync(fd: FdLike | DirectFd, options?: FsyncOptions & RunOptions): Promise<void> {
    const [own, run] = split<FsyncOptions>(options);
    return this.run(op.fsync(fd, own), run);
  }
}
