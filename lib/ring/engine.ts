/**
 * The machine inside a ring: starts operations, submits in batches, delivers completions by turns.
 */
import {
  EAGAIN,
  EBUSY,
  ECANCELED,
  EINTR,
  ENOTRECOVERABLE,
  ETIME,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_NO_IOWAIT,
  IORING_ENTER_SQ_WAIT,
  IORING_FEAT_NO_IOWAIT,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_TASKRUN,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
} from '../abi.js';
import { check, SystemError, systemError, UnsupportedError } from '../errors.js';
import type { Descriptor, DirectFd, FdUser } from '../fd/fd.js';
import { requireFeature } from '../features.js';
import type { Mapping, MappingUser } from '../memory/mapping.js';
import { native } from '../native.js';
import { Aborts } from './aborts.js';
import { BufferGroups } from './buffer-groups.js';
import type { BufferRing } from './buffer-ring.js';
import { Cancels, IGNORE } from './cancels.js';
import { closedError } from './closed.js';
import type { CompletionQueue } from './completion-queue.js';
import type { Control } from './control.js';
import { Credentials } from './credentials.js';
import { Delivery } from './delivery.js';
import { GivingUp } from './giving-up.js';
import { Kept } from './kept.js';
import { letGoOf } from './letting-go.js';
import { Mailbox } from './mailbox.js';
import { MessageTable } from './message-table.js';
import type { Multishot } from './multishot.js';
import type { Operation, OperationKind } from './operation.js';
import type { RingPlan } from './options.js';
import { BufferTable } from './registrations/buffer-table.js';
import { FileTable } from './registrations/file-table.js';
import type { Personality } from './registrations/personality.js';
import type { SendPool } from './send-pool.js';
import { enableRing, openRaw, type Queues, resizeRaw } from './setup.js';
import { type Sink, Slots } from './slots.js';
import { Spill } from './spill.js';
import { SQE_FLAGS_SHIFT } from './sqe.js';
import { type Block, Staging, stage } from './staging.js';
import type { RingStats } from './stats.js';
import type { SubmissionQueue } from './submission-queue.js';
import { WakeUp } from './wake-up.js';

/** Rounds of submit-and-look per turn: enough to follow a burst, few enough to be fair. */
const ROUNDS = 16;
/** A submission that is refused this often in a row waits a millisecond before each further try. */
const EAGER_RETRIES = 16;

const DRAINED = IOSQE_IO_DRAIN << SQE_FLAGS_SHIFT;
const DRAINS = 1;
const NOTIFIES = 2;

/** One operation of a chain, and who gets its completions. */
export interface Link {
  readonly operation: Operation<unknown>;
  readonly sink: Sink;
  readonly tag: number;
}

export class Engine implements FdUser, MappingUser {
  readonly fd: number;
  readonly flags: number;
  readonly features: number;
  readonly plan: RingPlan;
  readonly submission: SubmissionQueue;
  readonly completion: CompletionQueue;
  readonly slots = new Slots();
  readonly staging: Staging;
  readonly spill = new Spill();
  readonly aborts = new Aborts();
  readonly cancels = new Cancels(this);
  readonly bufferGroups = new BufferGroups();
  readonly bufferRings = new Set<BufferRing | SendPool>();
  /** What waits without an operation in flight, and has to be told of the end. */
  readonly streams = new Set<Multishot<unknown>>();
  readonly files = new FileTable(this);
  readonly buffers = new BufferTable(this);
  readonly messages: MessageTable;
  readonly mailbox = new Mailbox(this);
  open = true;
  /** Only cancel requests may still begin. */
  closing = false;
  leaked = 0;
  /** Why the kernel would not have the ring any more, as `-errno`; else what `close` answers. */
  verdict = -ECANCELED;
  bufferShortages = 0;
  /** Called before each submission, to begin what was gathered until then. */
  beforeSubmit: (() => void) | undefined;
  /** Called when a turn or a submission leaves nothing in flight. */
  onIdle: (() => void) | undefined;
  private raw: Queues;
  private readonly control: Control;
  private readonly delivery: Delivery;
  /** None where a thread blocks in the ring itself. */
  private readonly wakeUp: WakeUp | undefined = undefined;
  private readonly task = (): void => this.flush();
  private readonly polled: boolean;
  private readonly mustEnter: boolean;
  /** The kernel takes nothing before `enable` (IORING_SETUP_R_DISABLED). */
  enabled: boolean;
  /** Whose rights the kernel thread has, where one submits (IORING_SETUP_SQPOLL). */
  private readonly credentials: Credentials | undefined = undefined;
  private readonly kept = new Kept();
  private readonly givingUp: GivingUp;
  private after: (() => void)[] = [];
  private spillNext = false;
  /** Drained operations or sends without a copy, whichever came first. */
  private uses = 0;
  private flushScheduled = false;
  private kicked = false;
  private inTurn = false;
  private wantsReference = true;
  private submitted = 0;
  private overflows = 0;
  private retries = 0;
  private failures = 0;

  constructor(plan: RingPlan) {
    this.plan = plan;
    this.raw = openRaw(plan, true);
    this.fd = this.raw.fd;
    this.flags = this.raw.flags;
    this.features = this.raw.features;
    this.submission = this.raw.submission;
    this.completion = this.raw.completion;
    this.control = this.raw.control;
    this.staging = new Staging((mapping) => this.hold(mapping), this.control);
    this.givingUp = new GivingUp(this.slots, this.staging);
    this.messages = new MessageTable(this.fd);
    this.completion.mailbox = this.mailbox;
    this.delivery = new Delivery(this.completion, this.slots, this.staging);
    this.enabled = plan.enabled;
    if ((this.flags & IORING_SETUP_SQPOLL) !== 0) this.credentials = new Credentials();
    this.polled = (this.flags & IORING_SETUP_IOPOLL) !== 0;
    // Without the flag that tells of deferred work, only a call can find out.
    this.mustEnter =
      (this.flags & IORING_SETUP_DEFER_TASKRUN) !== 0 &&
      (this.flags & IORING_SETUP_TASKRUN_FLAG) === 0;
    if (plan.loop !== 'own') this.wakeUp = WakeUp.open(this.fd, plan.loop, () => this.turn());
  }

  // --- starting ----------------------------------------------------------------------------------

  /** Queues `operation`; `sink` gets its completions. Answers the slot. */
  begin(operation: Operation<unknown>, sink: Sink, tag: number, extraFlags = 0): number {
    if (!this.open || (this.closing && sink !== IGNORE)) throw closedError();
    if (this.credentials !== undefined && sink !== IGNORE) this.credentials.require();
    if ((operation.head & DRAINED) !== 0) this.either(DRAINS);
    if (operation.kind.notified !== undefined) this.either(NOTIFIES);
    const descriptor = operation.descriptor;
    if (descriptor !== undefined) {
      if (descriptor.fd !== operation.fd) throw new TypeError('the descriptor has been closed');
      if (descriptor.direct) belongsTo(this, descriptor as DirectFd);
      else descriptor.addUser(this);
    }
    if (operation.others !== undefined) this.admit(operation.others);
    const mapping = operation.mapping;
    if (mapping !== undefined) {
      if (mapping.disposed) throw new TypeError('the mapping has been disposed');
      if (operation.length > operation.room) throw new RangeError('past the end of the mapping');
      if (mapping.holder !== this && !mapping.users.has(this)) this.hold(mapping);
      if (operation.kind.keepsMapping) this.kept.keep(mapping);
      if (operation.kind.fixedBuffer) {
        operation.buffer = (operation.buffer & ~0xffff) | this.fixedIndex(mapping);
      }
      const buffers = operation.bufferRing;
      if (buffers !== undefined && !this.bufferRings.has(buffers)) {
        throw new TypeError('the BufferRing belongs to another ring');
      }
    }
    if (operation.table !== undefined) operation.table.prepare(this);
    if (operation.personality !== undefined) this.permit(operation.personality);
    const block = operation.plain ? undefined : this.stage(operation, sink);
    const slot = this.slots.take(operation, sink, tag, block);
    if (block !== undefined && operation.kind.eachFd !== undefined) {
      this.messages.note(slot, operation, block);
    }
    const low = this.slots.userDataLow(slot, operation);
    const high = this.slots.generations[slot] as number;
    if (this.spill.count === 0 && !this.spillNext && this.hasRoom()) {
      this.submission.push(operation, low, high, extraFlags);
    } else {
      this.spill.push(operation, low, high, extraFlags);
      this.spillNext = false;
    }
    this.submitSoon();
    return slot;
  }

  /** The slots of what the kernel has, or will be shown: not of what has ended unheard. */
  *pending(): Generator<number> {
    for (const slot of this.slots.occupied()) if (!this.completion.isEnding(slot)) yield slot;
  }

  private stage(operation: Operation<unknown>, sink: Sink): Block {
    if (operation.kind.wide) this.requireWide(operation.kind);
    if (operation.kind.toldInMemory && sink.takesNumbers) {
      throw new TypeError(`a handler is not told what ${operation.kind.name} opens: use run`);
    }
    const block = stage(this.staging, operation);
    if (operation.kind.closes) this.givingUp.willClose(operation.fd);
    return block;
  }

  /** The kernel holds back for ever what it miscounts where a ring does both. */
  private either(use: number): void {
    if ((this.uses | use) === (DRAINS | NOTIFIES)) {
      throw new UnsupportedError({ feature: 'drain:zeroCopy', hint: 'use a ring for each' });
    }
    this.uses = use;
  }

  private permit(personality: Personality): void {
    if (personality.ring !== this) throw new TypeError('the Personality belongs to another ring');
    if (personality.disposed) throw new TypeError('the Personality has been disposed');
  }

  /** A kernel or ring with short entries would take the second half for an entry of its own. */
  private requireWide({ name }: OperationKind<unknown>): void {
    requireFeature(`op:${name.toUpperCase()}`);
    if ((this.flags & IORING_SETUP_SQE128) === 0) {
      throw new TypeError(`${name} needs a ring made with sqe128`);
    }
  }

  private admit(others: readonly Descriptor[]): void {
    for (const other of others) {
      if (other.fd < 0) throw new TypeError('the descriptor has been closed');
      if (other.direct) belongsTo(this, other as DirectFd);
      else other.addUser(this);
    }
  }

  /** As `begin`, for an operation that the next one is linked to. */
  beginLinked(operation: Operation<unknown>, sink: Sink): number {
    this.together(2);
    return this.begin(operation, sink, 0, IOSQE_IO_LINK);
  }

  /**
   * As `begin`, for operations each of which is linked to the next by `flag`: when one of them
   * cannot be begun none is. There may be as many as the submission queue has entries.
   */
  beginChain(links: readonly Link[], flag: number): number[] {
    const spilled = this.together(links.length);
    const slots: number[] = [];
    try {
      for (const { operation, sink, tag } of links) {
        const last = slots.length === links.length - 1;
        slots.push(this.begin(operation, sink, tag, last ? 0 : flag));
      }
    } catch (error) {
      this.spillNext = false;
      (spilled ? this.spill : this.submission).takeBack(slots.length);
      for (const slot of slots.reverse()) this.givingUp.giveUp(slot);
      throw error;
    }
    return slots;
  }

  /** A chain that is cut by a submission is no chain: what does not fit together is spilled. */
  private together(count: number): boolean {
    if (this.spill.count === 0 && !this.submission.hasRoom(count)) this.flush();
    this.spillNext = this.spill.count > 0 || !this.submission.hasRoom(count);
    return this.spillNext;
  }

  private hasRoom(): boolean {
    if (this.submission.hasRoom(1)) return true;
    this.flush();
    return this.spill.count === 0 && this.submission.hasRoom(1);
  }

  private fixedIndex(mapping: Mapping): number {
    if (mapping.registeredWith === this) return mapping.registeredAs;
    const index = this.buffers.slotOf(mapping);
    if (index === undefined) throw new TypeError('the memory is not registered with this ring');
    return index;
  }

  /** From here on the memory stays mapped until the ring lets it go, even if the thread ends. */
  hold(mapping: Mapping): void {
    check(native.ringHold(this.fd, mapping.region), 'ringHold');
    mapping.users.add(this);
    mapping.holder = this;
  }

  forget(region: number): void {
    if (this.open || this.slots.inUse > 0) native.ringDrop(this.fd, region);
  }

  pins(mapping: Mapping): boolean {
    return this.open && this.buffers.slotOf(mapping) !== undefined;
  }

  // --- submitting --------------------------------------------------------------------------------

  /** Submits when this turn is over, or what JavaScript does now. */
  submitSoon(): void {
    if (this.flushScheduled || this.inTurn) return;
    this.flushScheduled = true;
    queueMicrotask(this.task);
  }

  /** Submits all that is queued, now. Done once per tick without being asked. */
  flush(): void {
    this.flushScheduled = false;
    if (!this.enabled) return;
    for (let pass = 0; pass < ROUNDS; pass++) {
      const waiting = this.publish();
      if (waiting === 0) break;
      if (this.flags & IORING_SETUP_SQPOLL) {
        this.wakePoller();
        if (this.spill.count === 0) break;
        continue;
      }
      if (!this.enter(waiting, 0)) break;
      if (pass === ROUNDS - 1) this.kick();
    }
    if (this.polled && this.slots.inUse > 0) this.kick();
    this.updateReference();
  }

  /** Lets the kernel take what was started so far, and all that will be. */
  enable(): void {
    if (this.enabled) return;
    enableRing(this.fd, this.flags);
    this.enabled = true;
    this.flush();
  }

  /**
   * Other numbers of entries (IORING_REGISTER_RESIZE_RINGS). What is queued or in flight stays so;
   * where the queues cannot be mapped any more, the ring is given up.
   */
  resize(entries: number, completionEntries: number): void {
    this.flush();
    this.publish();
    try {
      this.raw = resizeRaw(this.raw, entries, completionEntries);
    } catch (error) {
      if (SystemError.is(error, 'ENOTRECOVERABLE')) this.fail(-ENOTRECOVERABLE);
      throw error;
    }
  }

  /** Shows the kernel what is queued; answers how many entries it has yet to take. */
  private publish(): number {
    this.beforeSubmit?.();
    if (this.credentials !== undefined && this.hasFresh && this.credentials.changed()) {
      this.givingUp.withdraw(this.submission, this.spill);
    }
    if (this.spill.count > 0) this.spill.moveTo(this.submission);
    const fresh = this.submission.unpublished;
    if (fresh > 0) {
      this.givingUp.shown();
      this.submission.publish();
      this.submitted += fresh;
    }
    return this.submission.waiting;
  }

  /** Whether anything waits to be shown to the kernel. */
  private get hasFresh(): boolean {
    return this.spill.count > 0 || this.submission.unpublished > 0;
  }

  private wakePoller(): void {
    // What does not fit waits here for the kernel thread, which needs a moment only.
    const flags = this.submission.wakeUp | (this.spill.count > 0 ? IORING_ENTER_SQ_WAIT : 0);
    if (flags !== 0) this.control.enter(0, 0, flags);
    if (this.spill.count > 0) this.kick();
  }

  /** One io_uring_enter; false when there is no point in another one at once. */
  private enter(waiting: number, flags: number): boolean {
    const result = this.control.enter(waiting, 0, flags);
    if (result >= 0) {
      if (result === 0 && waiting > 0) return this.retryLater();
      this.failures = 0;
      // What did not fit the queue before may do so now.
      return result < waiting || this.spill.count > 0;
    }
    if (result === -EINTR && this.failures++ < EAGER_RETRIES) return true;
    // The entries are still queued and stay ours: completions have to be taken first.
    if (result === -EAGAIN || result === -EBUSY || result === -EINTR) return this.retryLater();
    this.fail(result);
    return false;
  }

  /** The kernel refuses the ring itself: a warning says so, and all on it ends with that error. */
  private fail(result: number): void {
    if (this.closing) return;
    this.closing = true;
    this.verdict = result;
    const error = systemError(result, 'io_uring_enter');
    setImmediate(() => {
      if (!this.open) return;
      process.emitWarning(error);
      this.destroy(true);
    });
  }

  /** Everything that is queued is the kernel's when `flush` returns. */
  get submitsAtOnce(): boolean {
    if (this.flags & IORING_SETUP_SQPOLL) return false;
    return this.spill.count === 0 && this.submission.waiting === 0;
  }

  private retryLater(): false {
    this.retries++;
    this.failures++;
    this.kick();
    return false;
  }

  /** A turn soon, without waiting for the kernel to signal one. */
  kick(): void {
    if (this.kicked) return;
    this.kicked = true;
    const turn = (): void => {
      this.kicked = false;
      if (this.open) this.turn();
    };
    if (this.failures > EAGER_RETRIES) setTimeout(turn, 1);
    else setImmediate(turn);
  }

  /** Calls `call` when all that was submitted by now, and has been answered, has been delivered. */
  afterTurn(call: () => void): void {
    this.after.push(call);
    if (!this.inTurn) this.kick();
  }

  /**
   * Submits, and blocks this thread until there are `count` completions, at most `timeoutNs`; after
   * `minWaitUs` one is enough.
   */
  wait(timeoutNs: number, count = 1, minWaitUs = 0): void {
    const waiting = this.publish();
    if (this.completion.ready >= count) return;
    // Waiting for completions is no waiting for a disk: operators look at that figure.
    const quiet = this.features & IORING_FEAT_NO_IOWAIT ? IORING_ENTER_NO_IOWAIT : 0;
    const flags = IORING_ENTER_GETEVENTS | quiet | this.submission.wakeUp;
    const result = this.control.enterTimeout(waiting, count, flags, timeoutNs, minWaitUs);
    const later = [-ETIME, -EINTR, -EAGAIN, -EBUSY];
    if (result < 0 && !later.includes(result)) check(result, 'io_uring_enter');
  }

  // --- delivering --------------------------------------------------------------------------------

  /**
   * Collects completions, hands them to their sinks, submits what these queued, and looks again, up
   * to the budget. When a sink throws, the next turn goes on with the completion behind it.
   */
  turn(): void {
    if (!this.enabled) return;
    this.inTurn = true;
    let more = true;
    try {
      this.completion.setSignals(false);
      more = this.rounds();
    } finally {
      this.inTurn = false;
      if (this.wakeUp !== undefined) this.rest(this.wakeUp, more);
    }
    if (this.after.length > 0 && this.open) for (const call of this.after.splice(0)) call();
    if (this.polled && this.slots.inUse > 0) this.kick();
    this.updateReference();
  }

  /** True when it stopped with more to do. */
  private rounds(): boolean {
    let budget = this.plan.budget;
    this.delivery.deliver();
    if (this.mailbox.waiting > 0) this.mailbox.deliver();
    for (let round = 0; round < ROUNDS; round++) {
      const enterFirst = round === 0 && (this.mustEnter || this.polled);
      const overflowing = this.submitAndGetEvents(enterFirst);
      const taken = this.completion.collect(this.slots, budget);
      if (taken === 0) return overflowing;
      this.delivery.deliver();
      if (this.mailbox.waiting > 0) this.mailbox.deliver();
      budget -= taken;
      if (budget <= 0) return true;
    }
    return true;
  }

  /** Answers whether completions are waiting in the kernel for room in the queue. */
  private submitAndGetEvents(always: boolean): boolean {
    const waiting = this.publish();
    const flags = this.submission.flags;
    const overflowing = (flags & IORING_SQ_CQ_OVERFLOW) !== 0;
    if (overflowing) this.overflows++;
    if (this.flags & IORING_SETUP_SQPOLL) {
      if (waiting > 0) this.wakePoller();
      if (!overflowing) return false;
      this.enter(0, IORING_ENTER_GETEVENTS);
    } else if (waiting > 0 || always || overflowing || (flags & IORING_SQ_TASKRUN) !== 0) {
      // Interrupted, or taken in part: no completion might come to bring us back for the rest.
      if (this.enter(waiting, IORING_ENTER_GETEVENTS)) this.kick();
    }
    return overflowing;
  }

  /**
   * Back to sleep, unless something came in between; then, or when starved, the loop calls again.
   */
  private rest(wakeUp: WakeUp, starved: boolean): void {
    if (!starved) {
      this.completion.setSignals(true);
      wakeUp.clear();
      if (this.mustEnter) this.enter(0, IORING_ENTER_GETEVENTS);
      // A completion that came before signals were on again has signalled nobody.
      const flags = this.submission.flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
      if (this.completion.ready === 0 && flags === 0) return;
    }
    wakeUp.signal();
  }

  // --- staying alive, letting go -----------------------------------------------------------------

  setWantsReference(wanted: boolean): void {
    this.wantsReference = wanted;
    this.updateReference();
  }

  /** Pending operations keep the process alive, an idle ring does not. */
  updateReference(): void {
    const idle = this.slots.inUse === 0;
    if (idle) this.onIdle?.();
    this.wakeUp?.reference(this.wantsReference && (!idle || this.mailbox.listening));
  }

  letGo(descriptor: Descriptor): void {
    letGoOf(this, descriptor);
  }

  /** Unmaps and closes; nothing may be in flight unless `abandon`, which leaks what is. */
  destroy(abandon: boolean): void {
    this.open = false;
    this.closing = true;
    if (!abandon) this.staging.dispose();
    this.messages.dispose();
    for (const buffer of this.raw.buffers) native.detach(buffer);
    this.wakeUp?.stop();
    if (abandon) native.ringAbandon(this.fd);
    else native.ringClose(this.fd);
    this.wakeUp?.close();
    this.aborts.dispose();
    for (const stream of this.streams) stream.ringClosed();
    this.mailbox.close();
    if (!abandon) this.kept.letGo();
    if (abandon) {
      this.leaked = this.slots.inUse;
      this.givingUp.settleAll(this.verdict);
    }
    this.completion.tags.forgetAll();
  }

  get stats(): RingStats {
    return {
      inFlight: this.slots.inUse,
      submitted: this.submitted,
      completed: this.completion.completed,
      enters: this.control.enters,
      overflows: this.overflows,
      stale: this.completion.stale,
      retries: this.retries,
      leaked: this.leaked,
      bufferShortages: this.bufferShortages,
    };
  }
}

function belongsTo(engine: Engine, file: DirectFd): void {
  if (file.ring !== engine) throw new TypeError('the DirectFd belongs to another ring');
}
