/** What is done to files by their names, as methods of a ring. */
import type { FdLike, OwnedFd } from '../../fd/fd.js';
import * as op from '../ops/index.js';
import type { OpenOptions } from '../ops/openat.js';
import type { PathLike } from '../ops/path.js';
import type { FileStatus, StatxOptions } from '../ops/statx.js';
import type { RunOptions } from '../sinks.js';
import { split } from './doors.js';
import { IoVerbs } from './io.js';

export abstract class PathVerbs extends IoVerbs {
  openat(path: PathLike, options?: OpenOptions & RunOptions): Promise<OwnedFd> {
    const [own, run] = split<OpenOptions>(options);
    return this.run(op.openat(path, own), run);
  }

  statx(target: PathLike | FdLike, options?: StatxOptions & RunOptions): Promise<FileStatus> {
    const [own, run] = split<StatxOptions>(options);
    return this.run(op.statx(target, own), run);
  }
}
