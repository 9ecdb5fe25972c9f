/** An epoll of this thread: descriptors are registered with it, and it tells which are ready. */
import {
  EBADF,
  EINTR,
  ENOENT,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLEXCLUSIVE,
  O_CLOEXEC,
  SYS_dup3,
} from '../abi.js';
import { check } from '../errors.js';
import { type Descriptor, type FdLike, OwnedFd, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { boolean, integer, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { defaultLoop, type LoopKind } from '../watch.js';
import { Batch } from './batch.js';
import { type BlockingOptions, blockForever, blockUntil } from './blocking.js';
import { type BusyPoll, busyPollOf, setBusyPoll } from './busy-poll.js';
import { type EventName, type InterestOptions, interestOf } from './events.js';
import { closedError, controlError } from './failures.js';
import { EpollLoop, type EventHandler, type WaitAsyncOptions } from './loop.js';
import { EventPage } from './page.js';
import type { ReadyEvent } from './ready.js';
import { Registrations } from './registrations.js';
import type { SignalMask } from './signal-mask.js';

export interface EpollOptions {
  /** Events that one call takes at most. Default 256. */
  maxEvents?: number;
  /** Events handled per turn of the loop before timers and others get theirs. Default 1024. */
  budget?: number;
  /** What wakes JavaScript for `handle` and `waitAsync`: Node's loop, or a helper thread. */
  loop?: LoopKind;
}

export interface RegisterOptions extends InterestOptions {
  /** A number that comes with each event. Default: the descriptor's. */
  tag?: number;
}

export interface EventHandlerOptions {
  /**
   * Run the nextTick queue and microtasks once after all events of a wake-up, instead of after each
   * one as Node does between its own callbacks. Default false.
   */
  batched?: boolean;
}

export interface EpollStats {
  /** Descriptors registered now. */
  readonly registered: number;
  /** Events handed over. */
  readonly delivered: number;
  /** Events dropped, since their registration was changed or deleted while they waited. */
  readonly stale: number;
  /** Made anew, since a file lived on that was registered under a number closed elsewhere. */
  readonly rebuilt: number;
}

const MAX_EVENTS_LIMIT = 65_536;

/**
 * An epoll instance.
 *
 * Three ways to wait: `wait` blocks the thread, `waitAsync` gives a promise, `handle` calls a
 * function on Node's loop and allocates nothing. Events are taken by one call for all that are
 * there, and land in memory that JavaScript reads.
 *
 * A registered `OwnedFd` is forgotten when it is closed. Events that were waiting for a descriptor
 * which an earlier event's handler closed, deleted or modified are dropped: a number that is used
 * again never gets its predecessor's events.
 *
 * @kernel 2.6.27
 * @man epoll(7)
 */
export class Epoll implements Disposable, AsyncDisposable {
  /** Its own descriptor: readable when there are events, so that it can be waited for as others. */
  readonly descriptor: OwnedFd;
  private readonly page: EventPage;
  private readonly known = new Registrations();
  private readonly batch: Batch;
  private readonly loop: EpollLoop;
  private readonly once = (timeoutNs: number, mask: SignalMask | undefined): number => {
    this.begin();
    const count = this.page.wait(timeoutNs, mask);
    return count > 0 && !this.batch.waiting ? 0 : count;
  };
  #rebuilt = 0;

  private constructor(descriptor: OwnedFd, page: EventPage, budget: number, kind: LoopKind) {
    this.descriptor = descriptor;
    this.page = page;
    this.batch = new Batch(page, this.known);
    const source = { fd: descriptor.fd, batch: this.batch, look: () => this.#look() };
    this.loop = new EpollLoop(source, kind, budget);
    descriptor.addUser(this);
  }

  /**
   * Makes an epoll.
   *
   * @errno EMFILE no descriptor is free in this process
   * @kernel 2.6.27 epoll_create1
   * @man epoll_create1(2)
   */
  static open(options: EpollOptions = {}): Epoll {
    onlyKeys('options', options, ['maxEvents', 'budget', 'loop']);
    const capacity = integer('maxEvents', options.maxEvents ?? 256, 1, MAX_EVENTS_LIMIT);
    const budget = integer('budget', options.budget ?? 1024, 1, MAX_EVENTS_LIMIT);
    const kind = oneOf('loop', options.loop ?? defaultLoop(), ['uv', 'thread'] as const);
    const fd = check(native.epollCreate1(EPOLL_CLOEXEC), 'epoll_create1');
    const descriptor = OwnedFd.adopt(fd);
    try {
      return new Epoll(descriptor, new EventPage(fd, capacity), budget, kind);
    } catch (error) {
      descriptor.close();
      throw error;
    }
  }

  /** False once closed. */
  get open(): boolean {
    return !this.descriptor.closed;
  }

  get closed(): boolean {
    return this.descriptor.closed;
  }

  get stats(): EpollStats {
    return {
      registered: this.known.size,
      delivered: this.batch.delivered,
      stale: this.batch.stale,
      rebuilt: this.#rebuilt,
    };
  }

  // --- what is watched ---------------------------------------------------------------------------

  /**
   * Registers a descriptor, or another epoll.
   *
   * @errno EEXIST it is registered already: `modify` changes what is waited for
   * @errno EPERM a regular file or a folder: these are always ready, and cannot be waited for
   * @errno ENOSPC the user's fs.epoll.max_user_watches
   * @errno ELOOP epolls that watch each other, or more than five deep
   * @kernel 2.6 EPOLL_CTL_ADD
   * @man epoll_ctl(2)
   */
  add(
    fd: FdLike | Epoll,
    events: readonly EventName[] | number,
    options: RegisterOptions = {},
  ): void {
    const target = this.#target(fd);
    const interest = interestOf(events, options, 'tag');
    const number = target.fd;
    const tag = tagOf(options.tag ?? number);
    const slot = this.known.reserve();
    const generation = this.known.generations[slot] as number;
    const result = this.#control(EPOLL_CTL_ADD, number, interest, slot, generation);
    if (result < 0) {
      this.known.unreserve(slot);
      throw controlError(result, number);
    }
    // Taken anew by the kernel: who had the number before was closed by somebody else.
    const before = this.known.slotOf(number);
    if (before >= 0) this.known.remove(before, number);
    this.known.set(slot, target, number, interest, tag);
    target.addUser(this);
    this.loop.update(this.known.size > 0);
  }

  /**
   * Changes what is waited for, and makes a one-shot registration tell again. Readiness that is
   * there already is told, also with `edge`.
   *
   * @errno ENOENT it is not registered
   * @kernel 2.6 EPOLL_CTL_MOD
   * @man epoll_ctl(2)
   */
  modify(
    fd: FdLike | Epoll,
    events: readonly EventName[] | number,
    options: RegisterOptions = {},
  ): void {
    const { fd: number } = this.#target(fd);
    const interest = interestOf(events, options, 'tag');
    const known = this.known;
    const slot = known.slotOf(number);
    if (slot < 0) throw controlError(-ENOENT, number);
    if (((interest | (known.interests[slot] as number)) & EPOLLEXCLUSIVE) !== 0) {
      throw invalidValue('exclusive', 'cannot be modified: delete it, and add it again', true);
    }
    const tag = tagOf(options.tag ?? (known.tags[slot] as number));
    // What waits in a batch is dropped by this, and told again by the kernel if it still holds.
    const generation = ((known.generations[slot] as number) + 1) | 0;
    const result = this.#control(EPOLL_CTL_MOD, number, interest, slot, generation);
    if (result < 0) {
      if (result === -ENOENT || result === -EBADF) known.remove(slot, number);
      throw controlError(result, number);
    }
    known.renew(slot);
    known.interests[slot] = interest;
    known.tags[slot] = tag;
  }

  /**
   * Forgets a descriptor; events of it that are waiting are dropped.
   *
   * @errno ENOENT it is not registered
   * @kernel 2.6 EPOLL_CTL_DEL
   * @man epoll_ctl(2)
   */
  delete(fd: FdLike | Epoll): void {
    const { fd: number } = this.#target(fd);
    const slot = this.known.slotOf(number);
    if (slot < 0) throw controlError(-ENOENT, number);
    this.known.remove(slot, number);
    const result = this.#control(EPOLL_CTL_DEL, number, 0, 0, 0);
    this.loop.update(this.known.size > 0);
    if (result < 0) throw controlError(result, number);
  }

  /** Whether this descriptor's number is registered. */
  has(fd: FdLike | Epoll): boolean {
    return this.known.slotOf(this.#target(fd).fd) >= 0;
  }

  #target(fd: FdLike | Epoll): Descriptor {
    if (this.closed) throw closedError();
    return plainDescriptor('fd', fd instanceof Epoll ? fd.descriptor : fd);
  }

  #control(
    operation: number,
    fd: number,
    events: number,
    slot: number,
    generation: number,
  ): number {
    return native.epollCtl(this.descriptor.fd, operation, fd, events, slot, generation);
  }

  /** @internal A registered descriptor is about to be closed, or this epoll's own. */
  letGo(descriptor: Descriptor): void {
    if (descriptor === this.descriptor) {
      this.#end();
      return;
    }
    const slot = this.known.slotOf(descriptor.fd);
    if (slot < 0) return;
    this.known.remove(slot, descriptor.fd);
    // Whatever it answers: the number is known to nobody any more.
    this.#control(EPOLL_CTL_DEL, descriptor.fd, 0, 0, 0);
    this.loop.update(this.known.size > 0);
  }

  // --- blocking waits ----------------------------------------------------------------------------

  /**
   * Blocks this thread until something is ready, and answers what is; nothing when time is over.
   *
   * In a worker it can be terminated meanwhile: the wait is cut into slices.
   *
   * @kernel 2.6.19 epoll_pwait; 5.11 epoll_pwait2 for fractions of a millisecond
   * @man epoll_pwait2(2)
   */
  wait(options?: BlockingOptions): ReadyEvent[] {
    this.block(options);
    return this.batch.take();
  }

  /**
   * As `wait`, calling `visit` for each event: nothing is allocated. Answers how many there were.
   *
   * What `visit` leaves undone by an exception is given by the next wait.
   *
   * @kernel 2.6.19 epoll_pwait; 5.11 epoll_pwait2 for fractions of a millisecond
   * @man epoll_pwait2(2)
   */
  waitEach(visit: EventHandler, options?: BlockingOptions): number {
    if (typeof visit !== 'function') throw invalidType('visit', 'a function', visit);
    this.block(options);
    const batch = this.batch;
    const before = batch.delivered;
    this.loop.delivering = true;
    try {
      while (batch.next()) visit(batch.tag, batch.events);
    } finally {
      this.loop.delivering = false;
    }
    return batch.delivered - before;
  }

  private block(options: BlockingOptions | undefined): void {
    if (this.closed) throw closedError();
    if (this.loop.delivering) throw new TypeError('the events of this epoll are being handled');
    // Left over by a handler that was taken away, or threw.
    if (this.batch.waiting) return;
    const once = this.once;
    check(options === undefined ? blockForever(once) : blockUntil(options, once), 'epoll_pwait');
  }

  // --- waiting on the loop -----------------------------------------------------------------------

  /**
   * Resolves with what is ready, or with nothing when time is over. Several waits are served in
   * turn.
   *
   * @man epoll_wait(2)
   */
  waitAsync(options: WaitAsyncOptions = {}): Promise<ReadyEvent[]> {
    if (this.closed) throw closedError();
    return this.loop.wait(options);
  }

  /**
   * Calls `handler` for every event from now on, in the async context of this call; undefined ends
   * that. An exception is Node's 'uncaughtException', and the other events are still handled.
   *
   * Registered descriptors then keep the process alive, unless `unref` was called.
   *
   * @man epoll_wait(2)
   */
  handle(handler: EventHandler | undefined, options: EventHandlerOptions = {}): this {
    onlyKeys('options', options, ['batched']);
    if (handler !== undefined && typeof handler !== 'function') {
      throw invalidType('handler', 'a function', handler);
    }
    const batched = boolean('batched', options.batched ?? false);
    if (this.closed) throw closedError();
    this.loop.handle(handler, batched);
    return this;
  }

  /** Registered descriptors keep the process alive while there is a handler (the default). */
  ref(): this {
    if (this.open) this.loop.setWantsReference(true);
    return this;
  }

  /** Nothing here keeps the process alive. */
  unref(): this {
    if (this.open) this.loop.setWantsReference(false);
    return this;
  }

  #look(): number {
    if (this.closed) return 0;
    this.begin();
    const count = this.page.look();
    // Interrupted: the loop comes back.
    if (count < 0 && count !== -EINTR) check(count, 'epoll_pwait');
    return Math.max(0, count);
  }

  // --- orphans -----------------------------------------------------------------------------------

  /**
   * Events of a file whose number was closed by somebody else while the file lives on come for
   * ever, and no call reaches its registration any more: only a new epoll is rid of it. It gets the
   * number of this one, with every registration that can still be named.
   */
  private begin(): void {
    if (this.batch.orphaned) this.#rebuild();
    this.batch.begin();
  }

  #rebuild(): void {
    const { descriptor } = this;
    this.batch.orphaned = false;
    // An operation of a ring waits for the file that this one is now.
    if (descriptor.inFlight > 0) return;
    const fresh = native.epollCreate1(EPOLL_CLOEXEC);
    if (fresh < 0) return;
    if (!this.#copyTo(fresh)) {
      native.close(fresh);
      return;
    }
    this.loop.closeWatch();
    native.syscall(SYS_dup3, fresh, descriptor.fd, O_CLOEXEC);
    native.close(fresh);
    this.#rebuilt++;
    this.loop.update(this.known.size > 0);
    for (const user of descriptor.users()) {
      if (user instanceof Epoll && user !== this) user.#again(descriptor);
    }
  }

  #copyTo(epoll: number): boolean {
    const known = this.known;
    for (const { slot, number } of [...known.all()]) {
      const interest = known.interests[slot] as number;
      const generation = known.generations[slot] as number;
      const result = native.epollCtl(epoll, EPOLL_CTL_ADD, number, interest, slot, generation);
      if (result === -EBADF) known.remove(slot, number);
      else if (result < 0) return false;
    }
    return true;
  }

  /** A registered epoll has become another file under the same number. */
  #again({ fd }: Descriptor): void {
    const slot = this.known.slotOf(fd);
    if (slot < 0 || this.closed) return;
    const interest = this.known.interests[slot] as number;
    this.#control(EPOLL_CTL_ADD, fd, interest, slot, this.known.generations[slot] as number);
  }

  // --- busy polling ------------------------------------------------------------------------------

  /**
   * How long a wait asks network devices itself before it sleeps.
   *
   * @errno EINVAL the kernel has no such parameters
   * @kernel 6.9 EPIOCGPARAMS
   * @man ioctl_eventpoll(2)
   */
  get busyPoll(): BusyPoll {
    if (this.closed) throw closedError();
    return busyPollOf(this.descriptor.fd);
  }

  /**
   * @errno EPERM a budget above 64 needs CAP_NET_ADMIN
   * @kernel 6.9 EPIOCSPARAMS
   * @man ioctl_eventpoll(2)
   */
  setBusyPoll(parameters: BusyPoll): void {
    if (this.closed) throw closedError();
    setBusyPoll(this.descriptor.fd, parameters);
  }

  // --- the end -----------------------------------------------------------------------------------

  /** Closes it, also from its own handler; waits end with ECANCELED. A second call does nothing. */
  close(): void {
    this.descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #end(): void {
    this.loop.close();
    this.page.close();
    this.known.clear();
  }
}

function tagOf(tag: number): number {
  if (typeof tag !== 'number') throw invalidType('tag', 'a number', tag);
  return tag;
}
