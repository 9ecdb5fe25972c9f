/** Moving bytes between files and memory, as methods of a ring. */
import type { DirectFd, FdLike } from '../../fd/fd.js';
import type { BufferRing } from '../buffer-ring.js';
import type { Lease } from '../lease.js';
import type { CommonOptions } from '../operation.js';
import * as op from '../ops/index.js';
import type { ReadOptions, WriteOptions } from '../ops/rw-flags.js';
import type { RunOptions } from '../sinks.js';
import type { MultishotStream, StreamOptions } from '../stream.js';
import { Doors, split, splitStream } from './doors.js';

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

  readvFixed(
    fd: FdLike | DirectFd,
    targets: readonly ArrayBufferView[],
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.readvFixed(fd, targets, own), run);
  }

  writevFixed(
    fd: FdLike | DirectFd,
    sources: readonly ArrayBufferView[],
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.writevFixed(fd, sources, own), run);
  }

  readMultishot(
    fd: FdLike | DirectFd,
    options: CommonOptions & { buffers: BufferRing } & StreamOptions,
  ): MultishotStream<Lease> {
    const [own, stream] = splitStream<CommonOptions & { buffers: BufferRing }>(options);
    return this.stream(op.readMultishot(fd, own), stream);
  }
}
