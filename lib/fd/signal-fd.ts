/** Signals of this thread, read from a descriptor: signalfd(2). */
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { EAGAIN, SFD_CLOEXEC, SFD_NONBLOCK, SIG_BLOCK, SIG_UNBLOCK } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { SIGNAL_INFO_BYTES, type SignalInfo, signalInfo } from './signal-info.js';
import { type SignalLike, signalNumber, signalSet } from './signal-numbers.js';
import { WaitableFd, type WaitOptions } from './waitable.js';

export interface SignalFdOptions {
  /**
   * False for reads through a ring that wait in the kernel, since Linux 6.10: before, a thread of
   * the kernel's own reads, which the signals are not sent to. `read` then blocks. Default true.
   */
  nonblocking?: boolean;
}

const { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP } = constants.signals;
/** The first two cannot be blocked; to block the others kills whoever raises one. */
const IMPOSSIBLE: readonly number[] = [SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP];

/**
 * Signals as data. It blocks them in this thread, from `open` until it is closed.
 *
 * **A process has one way of handling a signal, and Node has its own.** What is sent to this thread
 * (tgkill(2), timers, `F_SETSIG`) always arrives here. What is sent to the process (kill(2),
 * Ctrl-C, SIGCHLD) goes to whichever thread has not blocked it, and Node's helper threads have not:
 * then a handler of `process.on` runs there, or the signal's default action, which may end the
 * process. `covered` tells which of the two holds. For signals sent to the process use
 * `process.on`.
 *
 * Children made by `child_process` start with no signal blocked.
 *
 * @man signalfd(2)
 */
export class SignalFd extends WaitableFd implements AsyncIterable<SignalInfo> {
  readonly #bytes = new DataView(new ArrayBuffer(SIGNAL_INFO_BYTES));
  readonly #signals: readonly number[];

  /** @internal */
  protected constructor(fd: number, signals: readonly number[]) {
    super(fd);
    this.#signals = signals;
  }

  /**
   * @kernel 2.6.27
   * @man signalfd(2), sigprocmask(2)
   */
  static open(signals: readonly SignalLike[], options: SignalFdOptions = {}): SignalFd {
    onlyKeys('options', options, ['nonblocking']);
    const nonblocking = boolean('nonblocking', options.nonblocking ?? true);
    const numbers = signalNumbers(signals);
    const flags = SFD_CLOEXEC | (nonblocking ? SFD_NONBLOCK : 0);
    const fd = check(native.signalfd4(-1, signalSet(numbers), flags), 'signalfd4');
    try {
      block(numbers);
    } catch (error) {
      native.close(fd);
      throw error;
    }
    return new SignalFd(fd, numbers);
  }

  /** Not one that came from elsewhere: which signals it takes cannot be asked. */
  static override adopt(fd: number): never {
    throw invalidType('fd', 'read by whoever opened it: a signalfd cannot be adopted', fd);
  }

  /** True while every thread of the process blocks the signals, so that all of them come here. */
  get covered(): boolean {
    const wanted = signalSet(this.#signals)[0] as bigint;
    return readdirSync('/proc/self/task').every((thread) => {
      const blocked = blockedIn(`/proc/self/task/${thread}/status`);
      return blocked === undefined || (blocked & wanted) === wanted;
    });
  }

  /** The signal that has waited longest, or undefined when there is none. */
  read(): SignalInfo | undefined {
    const fd = this.openFd();
    const result = native.read(fd, this.#bytes);
    if (result === -EAGAIN) return undefined;
    check(result, 'read', { fd });
    return signalInfo(this.#bytes, 0);
  }

  /** Resolves with the next signal. */
  wait(options: WaitOptions = {}): Promise<SignalInfo> {
    return this.waitFor(() => this.read(), options);
  }

  /** Signals as they come; ends when it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SignalInfo> {
    return this.each(() => this.read());
  }

  /** Lets the signals through again; those that came and were not read are handled then. */
  override close(): void {
    if (this.closed) return;
    super.close();
    unblock(this.#signals);
  }

  override release(): number {
    const fd = super.release();
    if (fd >= 0) unblock(this.#signals);
    return fd;
  }
}

/** For each signal that some SignalFd of this thread takes: how many do, and who blocked it. */
const takers = new Map<number, { count: number; readonly ours: boolean }>();

function block(signals: readonly number[]): void {
  const before = new BigUint64Array(1);
  check(native.rtSigprocmask(SIG_BLOCK, signalSet(signals), before), 'rt_sigprocmask');
  const mask = before[0] as bigint;
  for (const signal of signals) {
    const taken = takers.get(signal);
    if (taken !== undefined) taken.count += 1;
    else takers.set(signal, { count: 1, ours: ((mask >> BigInt(signal - 1)) & 1n) === 0n });
  }
}

/** Lets through what nobody takes any more, unless it was blocked before. */
function unblock(signals: readonly number[]): void {
  const free = signals.filter((signal) => {
    const taken = takers.get(signal);
    if (taken === undefined) return false;
    taken.count -= 1;
    if (taken.count > 0) return false;
    takers.delete(signal);
    return taken.ours;
  });
  const set = signalSet(free);
  check(native.rtSigprocmask(SIG_UNBLOCK, set, new BigUint64Array(1)), 'rt_sigprocmask');
}

function signalNumbers(signals: unknown): readonly number[] {
  if (!Array.isArray(signals) || signals.length === 0) {
    throw invalidType('signals', 'an array of signals, at least one', signals);
  }
  const numbers = signals.map((signal, index) => {
    const number = signalNumber(`signals[${index}]`, signal);
    if (!IMPOSSIBLE.includes(number)) return number;
    throw invalidValue(`signals[${index}]`, 'must be a signal that a thread can block', signal);
  });
  return [...new Set(numbers)];
}

function blockedIn(path: string): bigint | undefined {
  try {
    const [, mask] = /^SigBlk:\s*([0-9a-f]+)$/m.exec(readFileSync(path, 'utf8')) ?? [];
    return mask === undefined ? undefined : BigInt(`0x${mask}`);
  } catch {
    // A thread that has ended takes no signal.
    return undefined;
  }
}
