/** Time, readiness and taking back, as methods of a ring. */
import type { EventName } from '../../epoll/events.js';
import type { DirectFd, FdLike } from '../../fd/fd.js';
import type { CommonOptions } from '../operation.js';
import type { AsyncCancelOptions, CancelCriteria } from '../ops/async-cancel.js';
import type { EpollCtlOptions, EpollEvent, EpollWaitOptions } from '../ops/epoll.js';
import type { FutexOptions, FutexWords } from '../ops/futex.js';
import type { FutexWaited } from '../ops/futex-wait.js';
import type { FutexWaiter } from '../ops/futex-waitv.js';
import type { FutexWakeOptions } from '../ops/futex-wake.js';
import * as op from '../ops/index.js';
import type { MessageData, MsgRingFdOptions, MsgRingOptions } from '../ops/msg-ring.js';
import type { NopOptions } from '../ops/nop.js';
import type { PollMultishotOptions, PollOptions } from '../ops/poll-add.js';
import type { PollEvent, PollEvents } from '../ops/poll-events.js';
import type { TimeoutMultishotOptions, TimeoutOptions } from '../ops/timeout.js';
import type { ChildStatus, WaitidOptions, WaitTarget } from '../ops/waitid.js';
import type { RunOptions } from '../sinks.js';
import type { MultishotStream, StreamOptions } from '../stream.js';
import { split, splitStream } from './doors.js';
import { SocketVerbs } from './sockets.js';

export abstract class WaitVerbs extends SocketVerbs {
  nop(options?: NopOptions & RunOptions): Promise<void> {
    const [own, run] = split<NopOptions>(options);
    return this.run(op.nop(own), run);
  }

  nopInjectResult(
    result: number,
    options?: Omit<NopOptions, 'buffer'> & RunOptions,
  ): Promise<number> {
    const [own, run] = split<Omit<NopOptions, 'buffer'>>(options);
    return this.run(op.nopInjectResult(result, own), run);
  }

  timeout(ms: number, options?: TimeoutOptions & RunOptions): Promise<void> {
    const [own, run] = split<TimeoutOptions>(options);
    return this.run(op.timeout(ms, own), run);
  }

  timeoutMultishot(
    ms: number,
    options?: TimeoutMultishotOptions & StreamOptions,
  ): MultishotStream<void> {
    const [own, stream] = splitStream<TimeoutMultishotOptions>(options);
    return this.stream(op.timeoutMultishot(ms, own), stream);
  }

  pollAdd(
    fd: FdLike | DirectFd,
    events: readonly PollEvent[],
    options?: PollOptions & RunOptions,
  ): Promise<PollEvents> {
    const [own, run] = split<PollOptions>(options);
    return this.run(op.pollAdd(fd, events, own), run);
  }

  pollMultishot(
    fd: FdLike | DirectFd,
    events: readonly PollEvent[],
    options?: PollMultishotOptions & StreamOptions,
  ): MultishotStream<PollEvents> {
    const [own, stream] = splitStream<PollMultishotOptions>(options);
    return this.stream(op.pollMultishot(fd, events, own), stream);
  }

  epollCtl(
    epoll: FdLike,
    action: 'add' | 'mod' | 'del',
    fd: FdLike,
    events?: readonly EventName[],
    options?: EpollCtlOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<EpollCtlOptions>(options);
    return this.run(op.epollCtl(epoll, action, fd, events, own), run);
  }

  epollWait(
    epoll: FdLike | DirectFd,
    options?: EpollWaitOptions & RunOptions,
  ): Promise<EpollEvent[]> {
    const [own, run] = split<EpollWaitOptions>(options);
    return this.run(op.epollWait(epoll, own), run);
  }

  /** Asks for the end of operations; gives how many there were. */
  asyncCancel(
    target: FdLike | DirectFd | CancelCriteria | 'any',
    options?: AsyncCancelOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<AsyncCancelOptions>(options);
    return this.run(op.asyncCancel(target, own), run);
  }

  futexWait(
    words: FutexWords,
    index: number,
    value: number,
    options?: FutexOptions & RunOptions,
  ): Promise<FutexWaited> {
    const [own, run] = split<FutexOptions>(options);
    return this.run(op.futexWait(words, index, value, own), run);
  }

  futexWake(
    words: FutexWords,
    index: number,
    options?: FutexWakeOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<FutexWakeOptions>(options);
    return this.run(op.futexWake(words, index, own), run);
  }

  futexWaitv(
    waiters: readonly FutexWaiter[],
    options?: CommonOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.futexWaitv(waiters, own), run);
  }

  waitid(
    target: WaitTarget,
    options?: WaitidOptions & RunOptions,
  ): Promise<ChildStatus | undefined> {
    const [own, run] = split<WaitidOptions>(options);
    return this.run(op.waitid(target, own), run);
  }

  /** Sends a message to another ring, by its descriptor. */
  msgRing(
    target: FdLike | DirectFd,
    message: MessageData,
    options?: MsgRingOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<MsgRingOptions>(options);
    return this.run(op.msgRing(target, message, own), run);
  }

  /** Puts a file of this ring's table into that of another ring. */
  msgRingFd(
    target: FdLike,
    file: DirectFd,
    options?: MsgRingFdOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<MsgRingFdOptions>(options);
    return this.run(op.msgRingFd(target, file, own), run);
  }
}
