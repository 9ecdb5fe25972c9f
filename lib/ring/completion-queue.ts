/** The completion queue over mapped memory: completions are collected first and delivered after. */
import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_CQE_F_32,
  IORING_CQE_F_MORE,
  IORING_CQE_F_SKIP,
  IORING_OP_PIPE,
} from '../abi.js';
import { markOwned } from '../fd/owned-bits.js';
import type { Block } from './block.js';
import type { Control } from './control.js';
import {
  CQE_EXTRA,
  CQE_EXTRA_WORDS,
  CQE_FLAGS,
  CQE_RESULT,
  CQE_SHIFT,
  CQE_USER_DATA_HIGH,
  CQE_WORDS,
  cqeExtraWords,
} from './cqe.js';
import { isMessage, type Mailbox } from './mailbox.js';
import { type Operation, YIELDS_FD } from './operation.js';
import { ownPair } from './pairs.js';
import { TAG_LOW, Tags } from './registrations/tags.js';
import { SLOT_MASK, type Slots } from './slots.js';
import type { Cqe } from './unsafe/cqe.js';

/** Where things are in the mapped memory, in words (`struct io_cqring_offsets`). */
export interface CompletionLayout {
  readonly head: number;
  readonly tail: number;
  readonly cqes: number;
  readonly flags: number;
  readonly entries: number;
  /** 4, or 8 with IORING_SETUP_CQE32. */
  readonly cqeWords: number;
  /** Some completions are of 8 (IORING_SETUP_CQE32, IORING_SETUP_CQE_MIXED). */
  readonly large: boolean;
  /**
   * Completions are posted by this thread only, inside io_uring_enter (IORING_SETUP_DEFER_TASKRUN).
   */
  readonly singleThreaded: boolean;
}

/** Called with user data, result (`-errno` on failure) and IORING_CQE_F_* bits. */
export type RawVisitor = (userData: number, result: number, flags: number) => void;

const HIGH = 0x1_0000_0000;
/** The kernel's own limit. */
const ENTRIES_MAX = 65_536;

/** Set in `flags` where the kernel has no bit: the result is a descriptor, owned from here on. */
export const GAVE_FD = 1 << 14;

export class CompletionQueue {
  readonly slots: Int32Array;
  readonly results: Int32Array;
  readonly flags: Int32Array;
  /** Collected completions are delivered from `next` up to `count`. */
  next = 0;
  count = 0;
  completed = 0;
  /** Completions that no operation waited for. */
  stale = 0;
  readonly tags = new Tags();
  /** The second halves of what was collected; empty for rings that have none. */
  private readonly extras: Int32Array;
  /** Where messages of other rings go. */
  mailbox: Mailbox | undefined = undefined;
  private words: Int32Array;
  private readonly control: Control;
  private layout: CompletionLayout;
  private mask: number;
  private cqes: Int32Array;
  /** Entries of twice the size (IORING_SETUP_CQE32). */
  private readonly wide: boolean;
  /** Some have a second half, or all of them. */
  readonly large: boolean;
  private head: number;
  /** A visitor is being called, which must neither look again nor close the ring. */
  visiting = false;

  constructor(rings: Int32Array, control: Control, layout: CompletionLayout, batch: number) {
    this.words = rings;
    this.control = control;
    this.layout = layout;
    this.mask = layout.entries - 1;
    this.cqes = rings.subarray(layout.cqes);
    this.wide = layout.cqeWords !== CQE_WORDS;
    this.large = layout.large;
    this.head = rings[layout.head] as number;
    this.slots = new Int32Array(batch);
    this.results = new Int32Array(batch);
    this.flags = new Int32Array(batch);
    this.extras = new Int32Array(layout.large ? batch * CQE_EXTRA_WORDS : 0);
  }

  get entries(): number {
    return this.layout.entries;
  }

  /** The kernel has moved the queue, with all that has not been taken off it. */
  move(rings: Int32Array, layout: CompletionLayout): void {
    this.words = rings;
    this.layout = layout;
    this.mask = layout.entries - 1;
    this.cqes = rings.subarray(layout.cqes);
  }

  get ready(): number {
    const { tail, singleThreaded } = this.layout;
    const posted = singleThreaded ? (this.words[tail] as number) : Atomics.load(this.words, tail);
    return (posted - this.head) | 0;
  }

  /** No signal on the eventfd for completions that are about to be looked for anyway. */
  setSignals(enabled: boolean): void {
    Atomics.store(this.words, this.layout.flags, enabled ? 0 : IORING_CQ_EVENTFD_DISABLED);
  }

  /** Takes up to `most` completions off the queue for delivery. */
  collect(table: Slots, most: number): number {
    // After the last one of an operation its generation changes here, so that a second "last" one
    // is recognised even in the same batch. The count of the native side and the queue's head move
    // together, without a call in between where a terminated worker could stop.
    const words = this.cqes;
    const generations = table.generations;
    const ready = Math.min(this.ready, most, this.slots.length);
    let count = 0;
    let last = 0;
    let index = 0;
    for (; index < ready; index++) {
      const base = this.entryAt((this.head + index) | 0);
      const low = words[base] as number;
      const generation = words[base + CQE_USER_DATA_HIGH] as number;
      const flags = words[base + CQE_FLAGS] as number;
      // Mixed sizes (IORING_SETUP_CQE_MIXED): a filler at the end of the queue, and double ones.
      if ((flags & IORING_CQE_F_SKIP) !== 0) continue;
      if ((flags & IORING_CQE_F_32) !== 0) index++;
      const slot = low & SLOT_MASK;
      if (generations[slot] !== generation || table.sinks[slot] === undefined) {
        this.unsolicited(low, generation, words[base + CQE_RESULT] as number, flags);
        continue;
      }
      const result = words[base + CQE_RESULT] as number;
      if ((flags & IORING_CQE_F_MORE) === 0) {
        generations[slot] = (generation + 1) | 0;
        last++;
      }
      if (this.large) this.keepExtra(count, base, flags);
      this.slots[count] = slot;
      this.results[count] = result;
      this.flags[count] = flags;
      if ((low & YIELDS_FD) !== 0 && result >= 0) this.adopt(table, slot, count);
      count++;
    }
    this.next = 0;
    this.count = count;
    // A double one at the end has gone past `ready`.
    this.advance(index, last);
    return index;
  }

  /**
   * Whether the last completion of what is in `slot` has been collected and not delivered yet: the
   * generation there is that of the next one.
   */
  isEnding(slot: number): boolean {
    for (let index = this.next; index < this.count; index++) {
      const last = ((this.flags[index] as number) & IORING_CQE_F_MORE) === 0;
      if (last && this.slots[index] === slot) return true;
    }
    return false;
  }

  /** The second half of the completion at `base`, if it has one. */
  private keepExtra(index: number, base: number, flags: number): void {
    const at = index * CQE_EXTRA_WORDS;
    if (this.wide || (flags & IORING_CQE_F_32) !== 0) {
      const from = base + CQE_EXTRA;
      this.extras.set(this.cqes.subarray(from, from + CQE_EXTRA_WORDS), at);
    } else this.extras.fill(0, at, at + CQE_EXTRA_WORDS);
  }

  /** Shows the second half of collected completion `index` to whoever it is delivered to. */
  showExtra(index: number): void {
    const at = index * CQE_EXTRA_WORDS;
    cqeExtraWords.set(this.extras.subarray(at, at + CQE_EXTRA_WORDS));
  }

  /** A tag, a message of another ring, or a completion that nobody waits for any more. */
  private unsolicited(low: number, high: number, result: number, flags: number): void {
    if (low === TAG_LOW && this.tags.arrived(high)) return;
    if (this.mailbox?.arrived(low, high, result, flags) !== true) this.stale++;
  }

  /** From here on a descriptor that came is closed with this thread, if nobody does so before. */
  private adopt(table: Slots, slot: number, index: number): void {
    const operation = table.operations[slot] as Operation<unknown>;
    const block = table.blocks[slot] as Block;
    const { code, eachFd } = operation.kind;
    if (code === IORING_OP_PIPE) {
      ownPair(block);
      return;
    }
    const flags = this.flags[index] as number;
    this.flags[index] = flags | GAVE_FD;
    if (eachFd === undefined) markOwned(this.results[index] as number);
    else eachFd(operation, block, flags, markOwned);
  }

  /**
   * Hands each completion to `visit` as it stands in the queue, for those that keep their own
   * books.
   */
  visit(visit: RawVisitor): number {
    // What they were is counted at the end, in one piece: a worker that is terminated inside a
    // visitor leaves the queue as if nothing had been taken.
    if (this.visiting) throw new TypeError('the ring is being reaped');
    // Apart, so that this one is short enough to become part of its caller.
    if (this.large) return this.visitLarge(visit);
    const words = this.cqes;
    const mask = this.mask & (ENTRIES_MAX - 1);
    const ready = this.ready;
    // In a variable, since a visitor may change any field for all the compiler knows.
    let head = this.head;
    let last = 0;
    const end = (head + ready) | 0;
    this.visiting = true;
    try {
      while (head !== end) {
        const base = (head & mask) << CQE_SHIFT;
        const low = words[base] as number;
        const high = words[base + CQE_USER_DATA_HIGH] as number;
        const flags = words[base + CQE_FLAGS] as number;
        head = (head + 1) | 0;
        if ((flags & IORING_CQE_F_MORE) === 0 && !isMessage(low)) last++;
        visit(wholeUserData(low, high), words[base + CQE_RESULT] as number, flags);
      }
    } finally {
      this.visiting = false;
      this.advance((head - this.head) | 0, last);
    }
    return ready;
  }

  /** As `visit`, where some completions or all of them have a second half. */
  private visitLarge(visit: RawVisitor): number {
    const words = this.cqes;
    const ready = this.ready;
    let head = this.head;
    let last = 0;
    const end = (head + ready) | 0;
    this.visiting = true;
    try {
      while (head !== end) {
        const base = this.entryAt(head);
        const flags = words[base + CQE_FLAGS] as number;
        const low = words[base] as number;
        const high = words[base + CQE_USER_DATA_HIGH] as number;
        head = (head + 1) | 0;
        if ((flags & IORING_CQE_F_SKIP) !== 0) continue;
        if ((flags & IORING_CQE_F_32) !== 0) head = (head + 1) | 0;
        if ((flags & IORING_CQE_F_MORE) === 0 && !isMessage(low)) last++;
        this.keepExtra(0, base, flags);
        this.showExtra(0);
        visit(wholeUserData(low, high), words[base + CQE_RESULT] as number, flags);
      }
    } finally {
      this.visiting = false;
      this.advance((head - this.head) | 0, last);
    }
    return ready;
  }

  /** The first word of an entry; as in the submission queue, the compiler is told its range. */
  private entryAt(position: number): number {
    const index = position & this.mask & (ENTRIES_MAX - 1);
    return this.wide ? index << (CQE_SHIFT + 1) : index << CQE_SHIFT;
  }

  /** Shows the oldest completion, and leaves it in the queue; false when there is none. */
  peek(into: Cqe): boolean {
    for (;;) {
      if (this.ready === 0) return false;
      const base = this.entryAt(this.head);
      const flags = this.cqes[base + CQE_FLAGS] as number;
      if ((flags & IORING_CQE_F_SKIP) === 0) {
        into.userDataLow = this.cqes[base] as number;
        into.userDataHigh = this.cqes[base + CQE_USER_DATA_HIGH] as number;
        into.result = this.cqes[base + CQE_RESULT] as number;
        into.flags = flags;
        return true;
      }
      this.advance(1, 0);
    }
  }

  /** Takes the oldest completion off the queue; there must be one. */
  seen(): void {
    const base = this.entryAt(this.head);
    const flags = this.cqes[base + CQE_FLAGS] as number;
    const last = (flags & IORING_CQE_F_MORE) === 0 && !isMessage(this.cqes[base] as number);
    this.advance((flags & IORING_CQE_F_32) === 0 ? 1 : 2, last ? 1 : 0);
  }

  private advance(taken: number, last: number): void {
    const { head, singleThreaded } = this.layout;
    const next = (this.head + taken) | 0;
    this.completed += last;
    this.head = next;
    this.control.completed += last;
    if (singleThreaded) this.words[head] = next;
    else Atomics.store(this.words, head, next);
  }
}

/** Most are small: whole arithmetic, and nothing to allocate for a call that is not inlined. */
function wholeUserData(low: number, high: number): number {
  return high === 0 && low >= 0 ? low : (low >>> 0) + high * HIGH;
}
