/** The memory that an epoll shares with the kernel: arguments, answer and events of a wait. */
import { ENOSYS, EPERM } from '../abi.js';
import { check } from '../errors.js';
import { isDisabled } from '../features/disabled.js';
import { native } from '../native.js';
import type { SignalMask } from './signal-mask.js';

/** Words of `struct WaitPage` in native/epoll.cc. */
const FD = 0;
const FLAGS = 2;
const RESULT = 3;
/** As a double, in units of 8 bytes. */
const TIMEOUT = 2;
const MASK = 6;
export const EVENTS = 16;

const MASKED = 1;
const FINE = 2;

/** `struct epoll_event` is packed on x64 and nowhere else: events, then data in two halves. */
export const EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
export const DATA_LOW = process.arch === 'x64' ? 1 : 2;
export const DATA_HIGH = DATA_LOW + 1;

const MILLISECOND = 1_000_000;
/** What epoll_pwait takes at most; nobody waits for 24 days without waking. */
const LONGEST_MS = 2 ** 31 - 1;

let fineWaits: boolean | undefined;

export class EventPage {
  /** Events that the last wait gave; they are taken from `next` on. */
  count = 0;
  next = 0;
  readonly capacity: number;
  readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly call: () => void;

  constructor(fd: number, capacity: number) {
    const made = native.epollPage(capacity);
    if (typeof made === 'number') {
      check(made, 'mmap');
      throw new TypeError('unreachable');
    }
    this.capacity = capacity;
    this.words = new Int32Array(made.page);
    this.doubles = new Float64Array(made.page, 0, EVENTS / 2);
    this.call = made.wait;
    this.words[FD] = fd;
  }

  /** Takes what is there, without waiting. Answers how many events, or `-errno`. */
  look(): number {
    this.words[FLAGS] = 0;
    this.doubles[TIMEOUT] = 0;
    return this.ask();
  }

  /** Blocks this thread for `timeoutNs` at most, or without a limit when that is negative. */
  wait(timeoutNs: number, mask: SignalMask | undefined): number {
    const words = this.words;
    let flags = 0;
    if (mask !== undefined) {
      flags |= MASKED;
      words[MASK] = mask[0] as number;
      words[MASK + 1] = mask[1] as number;
    }
    fineWaits ??= !isDisabled('syscall:epoll_pwait2');
    if (fineWaits && timeoutNs > 0) {
      words[FLAGS] = flags | FINE;
      this.doubles[TIMEOUT] = timeoutNs;
      const result = this.ask();
      // Before Linux 5.11, and where a seccomp profile is older than that.
      if (result !== -ENOSYS && result !== -EPERM) return result;
      fineWaits = false;
    }
    words[FLAGS] = flags;
    const wholeMs = Math.ceil(timeoutNs / MILLISECOND);
    this.doubles[TIMEOUT] = timeoutNs < 0 ? -1 : Math.min(wholeMs, LONGEST_MS);
    return this.ask();
  }

  private ask(): number {
    this.next = 0;
    this.call();
    const result = this.words[RESULT] as number;
    this.count = Math.max(result, 0);
    return result;
  }

  /** A wait after this one answers EBADF, whoever has the number by then. */
  close(): void {
    this.words[FD] = -1;
    this.count = 0;
    this.next = 0;
  }
}
