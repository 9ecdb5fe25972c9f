/**
 * The bare queues of a ring, for programs that keep their own books: no slots, no promises, no
 * handlers.
 */
import {
  EAGAIN,
  EBUSY,
  EINTR,
  ETIME,
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_NO_IOWAIT,
  IORING_FEAT_NO_IOWAIT,
} from '../abi.js';
import { check, systemError } from '../errors.js';
import { requireFeature } from '../features.js';
import type { Mapping, MappingUser } from '../memory/mapping.js';
import { native } from '../native.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { closedError } from './closed.js';
import type { RawVisitor } from './completion-queue.js';
import type { Operation } from './operation.js';
import { milliseconds } from './ops/timespec.js';
import { planRing, type RingOptions } from './options.js';
import { type RingClock, registerClock } from './registrations/clock.js';
import { descriptorOf, enableRing, openRaw, type Queues } from './setup.js';
import { highWord } from './sqe.js';

const NANOSECONDS = 1_000_000;

/** How long to wait at most. */
export interface WaitLimits {
  timeoutMs?: number;
  /** Nanoseconds of the ring's clock, as `process.hrtime.bigint()` gives them (6.12). */
  until?: bigint;
  /** After so many microseconds one completion is enough (6.12). */
  minWaitUs?: number;
}

/** `WaitLimits` as io_uring_enter takes them. */
interface Wait {
  readonly flags: number;
  readonly timeoutNs: number;
  readonly minWaitUs: number;
}

function planWait(limits: WaitLimits): Wait {
  onlyKeys('limits', limits, ['timeoutMs', 'until', 'minWaitUs']);
  const { timeoutMs, until } = limits;
  if ((timeoutMs === undefined) === (until === undefined)) {
    throw invalidValue('limits', 'must have either timeoutMs or until', limits);
  }
  const minWaitUs = integer('minWaitUs', limits.minWaitUs ?? 0, 0, 2 ** 31 - 1);
  const span = timeoutMs === undefined ? undefined : milliseconds('timeoutMs', timeoutMs);
  if (span === undefined && typeof until !== 'bigint')
    throw invalidType('until', 'a bigint', until);
  // IORING_ENTER_ABS_TIMER came with the same kernel.
  if (minWaitUs > 0 || span === undefined) requireFeature('ring:MIN_TIMEOUT');
  if (span !== undefined) return { flags: 0, timeoutNs: span * NANOSECONDS, minWaitUs };
  return { flags: IORING_ENTER_ABS_TIMER, timeoutNs: Number(until), minWaitUs };
}

/** Nothing was taken: for now, or for good. */
function throwUnlessForNow(result: number): void {
  if (result === -EINTR || result === -EAGAIN || result === -EBUSY || result === -ETIME) return;
  throw systemError(result, 'io_uring_enter');
}

/**
 * A ring without the safety of `Ring`: the caller says which completion belongs to what, and keeps
 * descriptors open meanwhile. Memory is still safe: operations take `Mapping`s only, and what the
 * ring was ever given stays mapped until it is closed.
 *
 * It never calls back by itself: `submit` and `reap` are the whole loop.
 *
 * @kernel 5.10 or later
 * @man io_uring(7)
 */
export class RawRing implements Disposable, MappingUser {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** @internal */
  protected readonly raw: Queues;
  private enabled: boolean;
  /** @internal */
  protected closed = false;
  /** Closed with operations in flight, whose memory is the kernel's for good. */
  private abandoned = false;
  /** Waiting for completions is no waiting for a disk: operators look at that figure. */
  private readonly waitFlags: number;

  /** @internal */
  protected constructor(raw: Queues, enabled: boolean) {
    this.raw = raw;
    this.enabled = enabled;
    const quiet = raw.features & IORING_FEAT_NO_IOWAIT ? IORING_ENTER_NO_IOWAIT : 0;
    this.waitFlags = IORING_ENTER_GETEVENTS | quiet;
  }

  static open(options: Omit<RingOptions, 'loop'> = {}): RawRing {
    const plan = planRing({ ...options, loop: 'own' });
    return new RawRing(openRaw(plan, false), plan.enabled);
  }

  /** The ring's descriptor; -1 with `registeredFdOnly`. */
  get fd(): number {
    return descriptorOf(this.raw.fd);
  }

  /** IORING_SETUP_* bits that the ring was made with. */
  get setupFlags(): number {
    return this.raw.flags;
  }

  /** Lets a ring that was opened with `enabled: false` go. */
  enable(): void {
    if (this.closed) throw closedError();
    if (this.enabled) return;
    enableRing(this.raw.fd, this.raw.flags);
    this.enabled = true;
  }

  /** Submitted, and without a last completion reaped. */
  get inFlight(): number {
    return (this.raw.submission.published - this.raw.control.completed) | 0;
  }

  /**
   * Queues an operation under `userData`, a whole number below 2^53; false when the queue is full.
   *
   * Only operations on a `Mapping`, or without memory: there is nobody here to keep staged bytes.
   */
  push(operation: Operation<unknown>, userData: number): boolean {
    const { submission } = this.raw;
    if (this.closed) throw closedError();
    if (!submission.hasRoom(1)) return false;
    if (!operation.plain || operation.mapping !== undefined) this.admit(operation);
    // Most are small, and need no arithmetic beyond 32 bits.
    const low = userData | 0;
    submission.push(operation, low, low === userData && low >= 0 ? 0 : highWord(userData), 0);
    return true;
  }

  private admit({ plain, mapping, length, room }: Operation<unknown>): void {
    if (!plain) throw invalidType('operation', 'without memory other than a Mapping', plain);
    if (mapping === undefined) return;
    if (length > room) throw new RangeError('past the end of the mapping');
    if (mapping.holder !== this) this.hold(mapping);
  }

  /**
   * Submits what is queued and waits until `waitFor` completions are there, or `limits` are
   * reached; answers how many the kernel took. What it did not take (for now) stays queued. With a
   * kernel thread (`sqpoll`) all that is queued counts at once, though it is taken a little later.
   */
  submit(waitFor = 0, limits?: WaitLimits): number {
    if (this.closed) throw closedError();
    const wait = limits === undefined ? undefined : planWait(limits);
    const { submission } = this.raw;
    const { unpublished } = submission;
    submission.publish();
    if (waitFor === 0 && wait === undefined && submission.attended) return unpublished;
    const result = this.enter(waitFor, wait);
    if (result < 0) throwUnlessForNow(result);
    if (submission.polled) return unpublished;
    return Math.max(result, 0);
  }

  private enter(waitFor: number, wait: Wait | undefined): number {
    const { submission, control } = this.raw;
    const quiet = waitFor > 0 ? this.waitFlags : IORING_ENTER_GETEVENTS;
    const flags = quiet | submission.wakeUp;
    if (wait === undefined) return control.enter(submission.waiting, waitFor, flags);
    const { timeoutNs, minWaitUs } = wait;
    const limited = flags | wait.flags;
    return control.enterTimeout(submission.waiting, waitFor, limited, timeoutNs, minWaitUs);
  }

  /** Chooses the clock of `until`. @kernel 6.12 IORING_REGISTER_CLOCK */
  registerClock(clock: RingClock): void {
    if (this.closed) throw closedError();
    registerClock(this.raw.fd, clock);
  }

  /** Hands every completion there is to `visit`; answers how many there were. */
  reap(visit: RawVisitor): number {
    if (this.closed) throw closedError();
    return this.raw.completion.visit(visit);
  }

  /** @internal The ring keeps the memory mapped until it is closed. */
  protected hold(mapping: Mapping): void {
    if (mapping.disposed) throw new TypeError('the mapping has been disposed');
    if (!mapping.users.has(this)) check(native.ringHold(this.raw.fd, mapping.region), 'ringHold');
    mapping.users.add(this);
    mapping.holder = this;
  }

  /** A disposed mapping stays mapped here: nobody knows what is still in flight on it. */
  forget(): void {}

  pins(): boolean {
    return !this.closed || this.abandoned;
  }

  /**
   * Closes the ring; with operations in flight their memory is leaked, since the kernel may write
   * to it.
   */
  close(): void {
    const { fd, buffers, completion } = this.raw;
    if (this.closed) return;
    if (completion.visiting) throw new TypeError('the ring is being reaped');
    this.closed = true;
    this.abandoned = this.inFlight !== 0;
    for (const buffer of buffers) native.detach(buffer);
    check(this.abandoned ? native.ringAbandon(fd) : native.ringClose(fd), 'close');
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
