/** The submission queue over mapped memory: filled here, published to the kernel once per batch. */

import { IORING_ENTER_SQ_WAKEUP, IORING_SQ_CQ_OVERFLOW, IORING_SQ_NEED_WAKEUP } from '../abi.js';
import type { Operation } from './operation.js';
import {
  SQE_ADDRESS_HIGH,
  SQE_ADDRESS_LOW,
  SQE_ADDRESS3_HIGH,
  SQE_ADDRESS3_LOW,
  SQE_BUFFER,
  SQE_COMMAND,
  SQE_FD,
  SQE_FILE_INDEX,
  SQE_FLAGS_SHIFT,
  SQE_HEAD,
  SQE_LAST_HIGH,
  SQE_LAST_LOW,
  SQE_LENGTH,
  SQE_OFFSET_HIGH,
  SQE_OFFSET_LOW,
  SQE_OPERATION_FLAGS,
  SQE_USER_DATA_HIGH,
  SQE_USER_DATA_LOW,
  SQE_WORDS,
  WIDE_SQE_WORDS,
} from './sqe.js';

/** The kernel's own limit. */
const ENTRIES_MAX = 32_768;

/** Where things are in the mapped memory, in words (`struct io_sqring_offsets`). */
export interface SubmissionLayout {
  readonly head: number;
  readonly tail: number;
  readonly flags: number;
  /** -1 where the kernel needs no index array (IORING_SETUP_NO_SQARRAY). */
  readonly array: number;
  readonly entries: number;
  /** 16, or 32 with IORING_SETUP_SQE128. */
  readonly sqeWords: number;
  /**
   * Only this thread, and only inside io_uring_enter, reads what we store
   * (IORING_SETUP_DEFER_TASKRUN).
   */
  readonly singleThreaded: boolean;
  /** A kernel thread takes the entries (IORING_SETUP_SQPOLL). */
  readonly polled: boolean;
}

export class SubmissionQueue {
  words: Int32Array;
  entries: number;
  private rings: Int32Array;
  private layout: SubmissionLayout;
  /** From a position to the first word of its entry. */
  private readonly shift: number;
  private wordMask: number;
  /** The frozen operation that each entry holds, from when it was last used. */
  private shown: (Operation<unknown> | undefined)[];
  private readonly singleThreaded: boolean;
  /** Entries of twice the size (IORING_SETUP_SQE128). */
  private readonly wide: boolean;
  /** Filled up to here; the kernel knows of them up to `published`. */
  private tail: number;
  /** Entries ever shown to the kernel, modulo 2^32. */
  published: number;
  /** The kernel's head as last seen: it only moves forward, so an old one is safe. */
  private head: number;

  constructor(rings: Int32Array, sqes: Int32Array, layout: SubmissionLayout) {
    this.rings = rings;
    this.words = sqes;
    this.layout = layout;
    this.entries = layout.entries;
    this.shift = Math.log2(layout.sqeWords);
    this.wordMask = layout.entries * layout.sqeWords - 1;
    this.shown = new Array(layout.entries).fill(undefined);
    this.singleThreaded = layout.singleThreaded;
    this.wide = layout.sqeWords !== SQE_WORDS;
    this.tail = rings[layout.tail] as number;
    this.published = this.tail;
    this.head = this.tail;
    this.fillArray();
  }

  /** The kernel has moved the queue, with all that was published; nothing else may be in it. */
  move(rings: Int32Array, sqes: Int32Array, layout: SubmissionLayout): void {
    this.rings = rings;
    this.words = sqes;
    this.layout = layout;
    this.entries = layout.entries;
    this.wordMask = layout.entries * layout.sqeWords - 1;
    this.shown = new Array(layout.entries).fill(undefined);
    this.head = this.kernelHead();
    this.fillArray();
  }

  /** Each entry stands at its own place, so that the index array never changes. */
  private fillArray(): void {
    const { array, entries } = this.layout;
    if (array < 0) return;
    for (let index = 0; index < entries; index++) this.rings[array + index] = index;
  }

  /** Whether `count` more entries fit. */
  hasRoom(count: number): boolean {
    return ((this.tail - this.head) | 0) + count <= this.entries || this.roomNow(count);
  }

  private roomNow(count: number): boolean {
    this.head = this.kernelHead();
    return ((this.tail - this.head) | 0) + count <= this.entries;
  }

  /**
   * Writes an entry; there must be room. Every word is written, since entries are used again and
   * again, unless the same operation stands there already, and cannot have been changed.
   */
  push(operation: Operation<unknown>, low: number, high: number, extraFlags: number): void {
    const base = this.nextEntry();
    const index = base >> this.shift;
    this.tail = (this.tail + 1) | 0;
    if (this.shown[index] === operation && extraFlags === 0) {
      const words = this.words;
      words[base + SQE_USER_DATA_LOW] = low;
      words[base + SQE_USER_DATA_HIGH] = high;
      return;
    }
    this.shown[index] = operation.frozen && extraFlags === 0 ? operation : undefined;
    writeSqe(this.words, base, operation, low, high, extraFlags);
    if (this.wide) writeSecondHalf(this.words, base, operation);
  }

  /**
   * The first word of the entry to be filled next. The mask by a constant tells the compiler how
   * large it can become: it then leaves out a check of each addition to it.
   */
  private nextEntry(): number {
    return (this.tail << this.shift) & this.wordMask & (ENTRIES_MAX * WIDE_SQE_WORDS - 1);
  }

  /** Copies an entry kept elsewhere; there must be room. */
  pushWords(source: Int32Array, from: number): void {
    const base = this.nextEntry();
    this.shown[base >> this.shift] = undefined;
    this.words.set(source.subarray(from, from + (this.wide ? WIDE_SQE_WORDS : SQE_WORDS)), base);
    this.tail = (this.tail + 1) | 0;
  }

  /** Takes the next entry, all zeroes, to be filled by hand; answers its first word. */
  reserve(): number {
    const base = this.nextEntry();
    this.shown[base >> this.shift] = undefined;
    this.words.fill(0, base, base + (this.wide ? 2 * SQE_WORDS : SQE_WORDS));
    this.tail = (this.tail + 1) | 0;
    return base;
  }

  /** Entries that are free. */
  get space(): number {
    this.head = this.kernelHead();
    return this.entries - ((this.tail - this.head) | 0);
  }

  /** Takes back the last `count` entries, which the kernel must not know of yet. */
  takeBack(count: number): void {
    this.tail = (this.tail - count) | 0;
  }

  /** Filled and not yet known to the kernel. */
  get unpublished(): number {
    return (this.tail - this.published) | 0;
  }

  /** Takes back what the kernel has not been shown, and tells the low word of each name. */
  withdraw(visit: (userDataLow: number) => void): void {
    while (this.tail !== this.published) {
      this.tail = (this.tail - 1) | 0;
      visit(this.words[this.nextEntry() + SQE_USER_DATA_LOW] as number);
    }
  }

  /** Shows the kernel all that is filled: its fields must be in memory before the new tail is. */
  publish(): void {
    const { tail } = this;
    this.published = tail;
    if (this.singleThreaded) this.rings[this.layout.tail] = tail;
    else Atomics.store(this.rings, this.layout.tail, tail);
  }

  /** Published and not yet taken by the kernel. */
  get waiting(): number {
    this.head = this.kernelHead();
    return (this.published - this.head) | 0;
  }

  private kernelHead(): number {
    const { head } = this.layout;
    return this.singleThreaded ? (this.rings[head] as number) : Atomics.load(this.rings, head);
  }

  /**
   * For io_uring_enter on a ring with a kernel thread (IORING_SETUP_SQPOLL) that has gone to sleep.
   */
  get wakeUp(): number {
    if (!this.layout.polled) return 0;
    return this.flags & IORING_SQ_NEED_WAKEUP ? IORING_ENTER_SQ_WAKEUP : 0;
  }

  /** A kernel thread takes what is published (IORING_SETUP_SQPOLL). */
  get polled(): boolean {
    return this.layout.polled;
  }

  /** Such a thread is awake; nothing else is to be told either. */
  get attended(): boolean {
    return (
      this.layout.polled && (this.flags & (IORING_SQ_NEED_WAKEUP | IORING_SQ_CQ_OVERFLOW)) === 0
    );
  }

  /** IORING_SQ_* bits, as the kernel set them last. */
  get flags(): number {
    return Atomics.load(this.rings, this.layout.flags);
  }
}

/** Fills the 16 words of an entry at `base`. */
export function writeSqe(
  words: Int32Array,
  base: number,
  operation: Operation<unknown>,
  userDataLow: number,
  userDataHigh: number,
  extraFlags: number,
): void {
  words[base + SQE_HEAD] = operation.head | (extraFlags << SQE_FLAGS_SHIFT);
  words[base + SQE_FD] = operation.fd;
  words[base + SQE_OFFSET_LOW] = operation.offsetLow;
  words[base + SQE_OFFSET_HIGH] = operation.offsetHigh;
  words[base + SQE_ADDRESS_LOW] = operation.addressLow;
  words[base + SQE_ADDRESS_HIGH] = operation.addressHigh;
  words[base + SQE_LENGTH] = operation.length;
  words[base + SQE_OPERATION_FLAGS] = operation.operationFlags;
  words[base + SQE_USER_DATA_LOW] = userDataLow;
  words[base + SQE_USER_DATA_HIGH] = userDataHigh;
  words[base + SQE_BUFFER] = operation.buffer;
  words[base + SQE_FILE_INDEX] = operation.fileIndex;
  words[base + SQE_ADDRESS3_LOW] = operation.address3Low;
  words[base + SQE_ADDRESS3_HIGH] = operation.address3High;
  words[base + SQE_LAST_LOW] = operation.lastLow;
  words[base + SQE_LAST_HIGH] = operation.lastHigh;
}

/** Fills what a wide entry has behind the first 16 words, and the command that begins before. */
export function writeSecondHalf(
  words: Int32Array,
  base: number,
  { command }: Operation<unknown>,
): void {
  words.fill(0, base + SQE_WORDS, base + WIDE_SQE_WORDS);
  if (command !== undefined) words.set(command, base + SQE_COMMAND);
}
