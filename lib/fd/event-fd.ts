/** A counter in the kernel that wakes whoever waits for it: eventfd(2). */
import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, onlyKeys, outOfRange } from '../validate.js';
import { exactCounter, readCounter, writeCounter, writeExactCounter } from './counter-page.js';
import { adoptedNumber } from './owned-bits.js';
import { WaitableFd, type WaitOptions } from './waitable.js';

const INITIAL_MAX = 2 ** 32 - 1;
const COUNTER_MAX = 2n ** 64n - 2n;

export interface EventFdOptions {
  /** What the counter holds at first, to 2^32 - 1. Default 0. */
  initial?: number;
  /** Each read takes 1 off the counter, instead of all of it. Default false. */
  semaphore?: boolean;
  /** False for reads through a ring that wait in the kernel; `read` then blocks. Default true. */
  nonblocking?: boolean;
}

/**
 * A 64-bit counter: `write` adds to it, `read` empties it (or takes 1, as a semaphore).
 *
 * @man eventfd(2)
 */
export class EventFd extends WaitableFd implements AsyncIterable<number> {
  /**
   * @kernel 2.6.27
   * @man eventfd(2)
   */
  static open(options: EventFdOptions = {}): EventFd {
    onlyKeys('options', options, ['initial', 'semaphore', 'nonblocking']);
    const initial = integer('initial', options.initial ?? 0, 0, INITIAL_MAX);
    const semaphore = boolean('semaphore', options.semaphore ?? false);
    const nonblocking = boolean('nonblocking', options.nonblocking ?? true);
    const flags = EFD_CLOEXEC | (nonblocking ? EFD_NONBLOCK : 0) | (semaphore ? EFD_SEMAPHORE : 0);
    return new EventFd(check(native.eventfd2(initial, flags), 'eventfd2'));
  }

  /** Takes ownership of an eventfd that came from elsewhere. */
  static override adopt(fd: number): EventFd {
    return new EventFd(adoptedNumber(fd));
  }

  /** The counter (1 from a semaphore), or undefined while it is 0. Exact up to 2^53. */
  read(): number | undefined {
    const count = readCounter(this.openFd());
    return count === -EAGAIN ? undefined : check(count, 'read');
  }

  /** As `read`, exact to the last bit. */
  readBigInt(): bigint | undefined {
    return this.read() === undefined ? undefined : exactCounter();
  }

  /** Adds to the counter; false when it would pass 2^64 - 2, and then nothing is added. */
  write(value: number | bigint = 1): boolean {
    const fd = this.openFd();
    const result =
      typeof value === 'bigint'
        ? writeExactCounter(fd, checkedCount(value))
        : writeCounter(fd, integer('value', value, 0, Number.MAX_SAFE_INTEGER));
    if (result === -EAGAIN) return false;
    check(result, 'write');
    return true;
  }

  /** Resolves with what `read` answers once the counter is above 0. */
  wait(options: WaitOptions = {}): Promise<number> {
    return this.waitFor(() => this.read(), options);
  }

  /** One value for each time that it was found above 0; ends when it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<number> {
    return this.each(() => this.read());
  }
}

function checkedCount(value: bigint): bigint {
  if (value >= 0n && value <= COUNTER_MAX) return value;
  throw outOfRange('value', `an integer >= 0 && <= ${COUNTER_MAX}`, value);
}
