/** A process that cannot be mistaken for another: pidfd_open(2). */
import {
  CLD_DUMPED,
  CLD_EXITED,
  ECHILD,
  EINVAL,
  O_NONBLOCK,
  P_PIDFD,
  PIDFD_THREAD,
  POLLIN,
  WEXITED,
  WNOHANG,
  WNOWAIT,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, onlyKeys } from '../validate.js';
import { OwnedFd } from './fd.js';
import { adoptedNumber, FD_MAX } from './owned-bits.js';
import { pollNow } from './poll-now.js';
import { type SignalLike, signalName, signalNumber } from './signal-numbers.js';
import { WaitableFd, type WaitOptions } from './waitable.js';

const PID_MAX = 2 ** 22;
const SIGINFO_BYTES = 128;

export interface PidFdOptions {
  /** `pid` is a thread, which need not be the leader of its process (PIDFD_THREAD, 6.9). */
  thread?: boolean;
}

export interface ReapOptions {
  /**
   * Takes a child that has ended off the kernel's list, as its parent has to. Not for children of
   * `child_process`: Node would wait for their end for ever. Default false.
   */
  reap?: boolean;
}

/** How a process ended. */
export interface ProcessEnd {
  /** Its exit status; undefined when a signal ended it, or where it is not known. */
  readonly exitCode: number | undefined;
  /** The signal that ended it; real-time signals have numbers only. */
  readonly signal: NodeJS.Signals | number | undefined;
  readonly dumpedCore: boolean;
  /** False when it was no child, or was reaped by somebody else before. */
  readonly known: boolean;
}

const UNKNOWN: ProcessEnd = {
  exitCode: undefined,
  signal: undefined,
  dumpedCore: false,
  known: false,
};

/**
 * A process by descriptor: its number may be reused, this is not.
 *
 * @man pidfd_open(2)
 */
export class PidFd extends WaitableFd {
  #end: ProcessEnd | undefined = undefined;
  #reaped = false;

  /**
   * @errno ESRCH there is no such process
   * @kernel 5.3
   * @man pidfd_open(2)
   */
  static open(pid: number, options: PidFdOptions = {}): PidFd {
    onlyKeys('options', options, ['thread']);
    const number = integer('pid', pid, 1, PID_MAX);
    const thread = boolean('thread', options.thread ?? false);
    // Without O_NONBLOCK on kernels before 5.10, which do not know it here.
    let fd = native.pidfdOpen(number, O_NONBLOCK | (thread ? PIDFD_THREAD : 0));
    if (fd === -EINVAL && !thread) fd = native.pidfdOpen(number, 0);
    return new PidFd(check(fd, 'pidfd_open'));
  }

  /** Takes ownership of a pidfd that came from elsewhere. */
  static override adopt(fd: number): PidFd {
    return new PidFd(adoptedNumber(fd));
  }

  /**
   * How it ended, or undefined while it runs. How a process ended is for its parent to know, until
   * it has been reaped: of a child of `child_process` that Node was first to reap, and of processes
   * that are no children, it is not `known` here.
   *
   * @kernel 5.4
   * @man waitid(2)
   */
  poll(options: ReapOptions = {}): ProcessEnd | undefined {
    onlyKeys('options', options, ['reap']);
    return this.#poll(boolean('reap', options.reap ?? false));
  }

  /** Resolves when the process has ended, with how; also again later. */
  wait(options: WaitOptions & ReapOptions = {}): Promise<ProcessEnd> {
    const { reap, ...rest } = options;
    const reaping = boolean('reap', reap ?? false);
    return this.waitFor(() => this.#poll(reaping), rest);
  }

  /**
   * Sends it a signal; 0 only asks whether that would be allowed.
   *
   * @errno ESRCH it has ended
   * @errno EPERM it belongs to somebody else
   * @kernel 5.1
   * @man pidfd_send_signal(2)
   */
  sendSignal(signal: SignalLike | 0): void {
    const number = signalNumber('signal', signal, 0);
    const fd = this.openFd();
    check(native.pidfdSendSignal(fd, number, 0), 'pidfd_send_signal', { fd });
  }

  /**
   * A copy of descriptor `fd` of that process.
   *
   * @errno EPERM this needs the right to trace the process (ptrace(2))
   * @errno EBADF it has no such descriptor
   * @kernel 5.6
   * @man pidfd_getfd(2)
   */
  getFd(fd: number): OwnedFd {
    const number = integer('fd', fd, 0, FD_MAX);
    return OwnedFd.adopt(check(native.pidfdGetfd(this.openFd(), number, 0), 'pidfd_getfd'));
  }

  #poll(reap: boolean): ProcessEnd | undefined {
    const fd = this.openFd();
    if (this.#end !== undefined && !(reap && this.#end.known && !this.#reaped)) return this.#end;
    // Asked first, because of a process that is no child waitid says ECHILD at any time.
    if ((pollNow(fd, POLLIN) & POLLIN) === 0) return undefined;
    const info = new DataView(new ArrayBuffer(SIGINFO_BYTES));
    const flags = WEXITED | WNOHANG | (reap ? 0 : WNOWAIT);
    const result = native.waitid(P_PIDFD, fd, info, flags);
    if (result === -ECHILD || result === -EINVAL) this.#end ??= UNKNOWN;
    else {
      check(result, 'waitid', { fd });
      // Readable, and not to be waited for yet: a leader whose other threads still run.
      if (info.getInt32(0, true) === 0) return undefined;
      this.#reaped = reap;
      this.#end = endIn(info);
    }
    return this.#end;
  }
}

function endIn(info: DataView): ProcessEnd {
  const code = info.getInt32(8, true);
  const status = info.getInt32(24, true);
  const exited = code === CLD_EXITED;
  return {
    exitCode: exited ? status : undefined,
    signal: exited ? undefined : (signalName(status) ?? status),
    dumpedCore: code === CLD_DUMPED,
    known: true,
  };
}
