/** Time, readiness and taking back, as methods of a ring. */
import type { DirectFd, FdLike } from '../../fd/fd.js';
import type { CommonOptions } from '../operation.js';
import * as op from '../ops/index.js';
import type { PollEvent, PollEvents } from '../ops/poll-add.js';
import type { TimeoutOptions } from '../ops/timeout.js';
import type { RunOptions } from '../sinks.js';
import type { MultishotStream, StreamOptions } from '../stream.js';
import { split } from './doors.js';
import { SocketVerbs } from './sockets.js';

export abstract class WaitVerbs extends SocketVerbs {
  nop(options?: CommonOptions & RunOptions): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.nop(own), run);
  }

  timeout(ms: number, options?: TimeoutOptions & RunOptions): Promise<void> {
    const [own, run] = split<TimeoutOptions>(options);
    return this.run(op.timeout(ms, own), run);
  }

  pollAdd(
    fd: FdLike | DirectFd,
    events: readonly PollEvent[],
    options?: CommonOptions & RunOptions,
  ): Promise<PollEvents> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.pollAdd(fd, events, own), run);
  }

  pollMultishot(
    fd: FdLike | DirectFd,
    events: readonly PollEvent[],
    options?: StreamOptions,
  ): MultishotStream<PollEvents> {
    return this.stream(op.pollMultishot(fd, events), options);
  }

  /** Asks for the end of every operation on `fd`; gives how many there were. */
  asyncCancel(fd: FdLike, options?: CommonOptions & RunOptions): Promise<number> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.asyncCancel(fd, own), run);
  }
}
