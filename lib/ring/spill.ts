/** Entries that did not fit the submission queue: kept in order, moved in when there is room. */
import { IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../abi.js';
import type { Operation } from './operation.js';
import { SQE_FLAGS_SHIFT, SQE_HEAD, SQE_USER_DATA_LOW, WIDE_SQE_WORDS } from './sqe.js';
import { type SubmissionQueue, writeSecondHalf, writeSqe } from './submission-queue.js';

const FIRST_CAPACITY = 64;
/** Wide ones, of whatever ring. */
const ENTRY_WORDS = WIDE_SQE_WORDS;
const LINKS = (IOSQE_IO_LINK | IOSQE_IO_HARDLINK) << SQE_FLAGS_SHIFT;

export class Spill {
  words = new Int32Array(FIRST_CAPACITY * ENTRY_WORDS);
  #first = 0;
  #last = 0;

  get count(): number {
    return this.#last - this.#first;
  }

  push(operation: Operation<unknown>, low: number, high: number, extraFlags: number): void {
    if ((this.#last + 1) * ENTRY_WORDS > this.words.length) this.#makeRoom();
    const base = this.#last * ENTRY_WORDS;
    writeSqe(this.words, base, operation, low, high, extraFlags);
    writeSecondHalf(this.words, base, operation);
    this.#last++;
  }

  /** Takes back the last `count` entries. */
  takeBack(count: number): void {
    this.#last -= count;
  }

  /** Moves what fits; a chain of linked entries goes whole or not at all. */
  moveTo(queue: SubmissionQueue): void {
    while (this.count > 0) {
      const length = this.#chainLength();
      if (!queue.hasRoom(length)) return;
      for (let moved = 0; moved < length; moved++) {
        queue.pushWords(this.words, this.#first * ENTRY_WORDS);
        this.#first++;
      }
    }
    this.#first = 0;
    this.#last = 0;
  }

  /** Takes everything back, and tells the low word of each name. */
  withdraw(visit: (userDataLow: number) => void): void {
    for (let entry = this.#first; entry < this.#last; entry++) {
      visit(this.words[entry * ENTRY_WORDS + SQE_USER_DATA_LOW] as number);
    }
    this.#first = 0;
    this.#last = 0;
  }

  #chainLength(): number {
    let length = 1;
    while (length < this.count && this.#isLinked(this.#first + length - 1)) length++;
    return length;
  }

  #isLinked(entry: number): boolean {
    return ((this.words[entry * ENTRY_WORDS + SQE_HEAD] as number) & LINKS) !== 0;
  }

  #makeRoom(): void {
    const used = this.words.subarray(this.#first * ENTRY_WORDS, this.#last * ENTRY_WORDS);
    const words =
      used.length * 2 > this.words.length ? new Int32Array(this.words.length * 2) : this.words;
    if (words === this.words)
      words.copyWithin(0, this.#first * ENTRY_WORDS, this.#last * ENTRY_WORDS);
    else words.set(used);
    this.words = words;
    this.#last -= this.#first;
    this.#first = 0;
  }
}
