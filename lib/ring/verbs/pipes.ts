/** Pipes, and what moves from one descriptor to another, as methods of a ring. */
import type { DirectFd, FdLike } from '../../fd/fd.js';
import * as op from '../ops/index.js';
import type { SpliceOptions, TeeOptions } from '../ops/splice.js';
import type { RunOptions } from '../sinks.js';
import { split } from './doors.js';
import { PathVerbs } from './paths.js';

export abstract class PipeVerbs extends PathVerbs {
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
