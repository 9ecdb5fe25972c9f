/** Pipes, and what moves from one descriptor to another, as methods of a ring. */
import type { DirectFd, FdLike, OwnedFd } from '../../fd/fd.js';
import type { Into } from '../into.js';
import type { CommonOptions } from '../operation.js';
import type { FixedFdInstallOptions } from '../ops/fixed-fd-install.js';
import * as op from '../ops/index.js';
import type { PipeEnds, PipeOptions } from '../ops/pipe.js';
import type { SpliceOptions, TeeOptions } from '../ops/splice.js';
import type { FileTable } from '../registrations/file-table.js';
import type { RunOptions } from '../sinks.js';
import { split } from './doors.js';
import { PathVerbs } from './paths.js';

export abstract class PipeVerbs extends PathVerbs {
  pipe(options?: PipeOptions & RunOptions): Promise<PipeEnds>;
  pipe(options: PipeOptions & Into<FileTable> & RunOptions): Promise<PipeEnds<DirectFd>>;
  pipe(
    options?: PipeOptions & Partial<Into<FileTable>> & RunOptions,
  ): Promise<PipeEnds | PipeEnds<DirectFd>> {
    const [own, run] = split(options as (PipeOptions & Into<FileTable> & RunOptions) | undefined);
    return this.run(op.pipe(own), run);
  }

  filesUpdate(
    fds: readonly FdLike[],
    options: CommonOptions & Into & RunOptions,
  ): Promise<DirectFd[]> {
    const [own, run] = split<CommonOptions & Into>(options);
    return this.run(op.filesUpdate(fds, own), run);
  }

  fixedFdInstall(file: DirectFd, options?: FixedFdInstallOptions & RunOptions): Promise<OwnedFd> {
    const [own, run] = split<FixedFdInstallOptions>(options);
    return this.run(op.fixedFdInstall(file, own), run);
  }

  splice(
    source: FdLike | DirectFd,
    target: FdLike | DirectFd,
    length: number,
    options?: SpliceOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<SpliceOptions>(options);
    return this.run(op.splice(source, target, length, own), run);
  }

  tee(
    source: FdLike | DirectFd,
    target: FdLike | DirectFd,
    length: number,
    options?: TeeOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<TeeOptions>(options);
    return this.run(op.tee(source, target, length, own), run);
  }
}
