/** A timer that is a descriptor: timerfd(2). */
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  EAGAIN,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, invalidValue, milliseconds, oneOf, onlyKeys } from '../validate.js';
import { readCounter } from './counter-page.js';
import { adoptedNumber } from './owned-bits.js';
import { clockNow, putTime, TIMESPEC_BYTES, timeAt } from './times.js';
import { WaitableFd, type WaitOptions } from './waitable.js';

const CLOCKS = {
  monotonic: CLOCK_MONOTONIC,
  realtime: CLOCK_REALTIME,
  boottime: CLOCK_BOOTTIME,
  realtimeAlarm: CLOCK_REALTIME_ALARM,
  boottimeAlarm: CLOCK_BOOTTIME_ALARM,
} as const;
/** What the alarm clocks count by. */
const READABLE = {
  [CLOCK_REALTIME_ALARM]: CLOCK_REALTIME,
  [CLOCK_BOOTTIME_ALARM]: CLOCK_BOOTTIME,
} as Readonly<Record<number, number>>;

export type TimerClock = keyof typeof CLOCKS;
const CLOCK_NAMES = Object.keys(CLOCKS) as TimerClock[];

/** A setting of zero means "never": what is to fire at once fires a nanosecond later. */
const SOONEST_MS = 1e-6;
/** it_interval, then it_value. */
const SETTING_BYTES = 2 * TIMESPEC_BYTES;

export interface TimerFdOptions {
  /**
   * What it counts by. 'boottime' goes on while the machine sleeps; the alarm clocks wake it, and
   * need CAP_WAKE_ALARM. Default 'monotonic'.
   */
  clock?: TimerClock;
  /** False for reads through a ring that wait in the kernel; `read` then blocks. Default true. */
  nonblocking?: boolean;
}

/** When a timer fires: `afterMs` or `atMs`, once or again and again. */
export interface TimerSetting {
  /** From now, in milliseconds; fractions count to the nanosecond. */
  afterMs?: number;
  /** A time of the timer's own clock; of 'realtime', what `Date.now()` answers. */
  atMs?: number;
  /** Fires again each time that so much has passed. Default 0: once. */
  everyMs?: number;
  /**
   * With `atMs` on a real-time clock: when somebody sets the clock, reading fails with ECANCELED.
   * Default false.
   */
  cancelOnSet?: boolean;
}

/** What is left of a timer. */
export interface TimerRemains {
  /** Until it fires next; 0 when it is not set. */
  readonly remainingMs: number;
  readonly everyMs: number;
}

/**
 * A timer of the kernel, exact to the clock's own resolution, readable through epoll and rings.
 *
 * @man timerfd_create(2)
 */
export class TimerFd extends WaitableFd implements AsyncIterable<number> {
  readonly #clock: number;

  /** @internal */
  protected constructor(fd: number, clock: number) {
    super(fd);
    this.#clock = clock;
  }

  /**
   * @errno EPERM the alarm clocks need CAP_WAKE_ALARM
   * @kernel 2.6.25
   * @man timerfd_create(2)
   */
  static open(options: TimerFdOptions = {}): TimerFd {
    onlyKeys('options', options, ['clock', 'nonblocking']);
    const clock = CLOCKS[oneOf('clock', options.clock ?? 'monotonic', CLOCK_NAMES)];
    const nonblocking = boolean('nonblocking', options.nonblocking ?? true);
    const flags = TFD_CLOEXEC | (nonblocking ? TFD_NONBLOCK : 0);
    return new TimerFd(check(native.timerfdCreate(clock, flags), 'timerfd_create'), clock);
  }

  /** Takes ownership of a timerfd that came from elsewhere; `now` then answers for 'monotonic'. */
  static override adopt(fd: number): TimerFd {
    return new TimerFd(adoptedNumber(fd), CLOCK_MONOTONIC);
  }

  /** What the timer's clock says, in milliseconds: the base of `atMs`. */
  now(): number {
    return clockNow(READABLE[this.#clock] ?? this.#clock);
  }

  /**
   * Sets the timer; answers what was left of its last setting. What had fired and was not read is
   * forgotten.
   *
   * @errno ECANCELED the clock was set since, with `cancelOnSet`: the timer is set all the same
   * @man timerfd_settime(2)
   */
  set(setting: TimerSetting): TimerRemains {
    onlyKeys('setting', setting, ['afterMs', 'atMs', 'everyMs', 'cancelOnSet']);
    const { afterMs, atMs } = setting;
    if ((afterMs === undefined) === (atMs === undefined)) {
      throw invalidValue('setting', 'must have one of afterMs and atMs', setting);
    }
    const first =
      atMs === undefined
        ? milliseconds('setting.afterMs', afterMs)
        : milliseconds('setting.atMs', atMs);
    const everyMs = milliseconds('setting.everyMs', setting.everyMs ?? 0);
    const cancelOnSet = boolean('setting.cancelOnSet', setting.cancelOnSet ?? false);
    if (cancelOnSet && !this.#isSettable(atMs)) {
      throw invalidValue('setting.cancelOnSet', 'needs atMs and a real-time clock', cancelOnSet);
    }
    const flags =
      (atMs === undefined ? 0 : TFD_TIMER_ABSTIME) | (cancelOnSet ? TFD_TIMER_CANCEL_ON_SET : 0);
    return this.#set(flags, Math.max(first, SOONEST_MS), everyMs);
  }

  /** Stops the timer; answers what was left of it. */
  clear(): TimerRemains {
    return this.#set(0, 0, 0);
  }

  /** What is left of the timer. */
  remains(): TimerRemains {
    const fd = this.openFd();
    const view = new DataView(new ArrayBuffer(SETTING_BYTES));
    check(native.timerfdGettime(fd, view), 'timerfd_gettime', { fd });
    return remainsIn(view);
  }

  /**
   * How often it has fired since it was read or set; undefined while it has not.
   *
   * @errno ECANCELED the clock was set, and `cancelOnSet` was asked for
   */
  read(): number | undefined {
    const fd = this.openFd();
    const count = readCounter(fd);
    return count === -EAGAIN ? undefined : check(count, 'read', { fd });
  }

  /** Resolves with what `read` answers once it has fired. */
  wait(options: WaitOptions = {}): Promise<number> {
    return this.waitFor(() => this.read(), options);
  }

  /** How often it has fired, each time that it has; ends when it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<number> {
    return this.each(() => this.read());
  }

  #isSettable(atMs: number | undefined): boolean {
    const real = this.#clock === CLOCK_REALTIME || this.#clock === CLOCK_REALTIME_ALARM;
    return atMs !== undefined && real;
  }

  #set(flags: number, firstMs: number, everyMs: number): TimerRemains {
    const fd = this.openFd();
    const setting = new DataView(new ArrayBuffer(SETTING_BYTES));
    const previous = new DataView(new ArrayBuffer(SETTING_BYTES));
    putTime(setting, 0, everyMs);
    putTime(setting, TIMESPEC_BYTES, firstMs);
    check(native.timerfdSettime(fd, flags, setting, previous), 'timerfd_settime', { fd });
    return remainsIn(previous);
  }
}

function remainsIn(view: DataView): TimerRemains {
  return { everyMs: timeAt(view, 0), remainingMs: timeAt(view, TIMESPEC_BYTES) };
}
