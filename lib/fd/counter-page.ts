/** Files that count, as eventfd and timerfd do, by way of a page: no argument crosses over. */
import { systemError } from '../errors.js';
import { native } from '../native.js';

/** Words of `struct CounterPage` in native/fd.cc. */
const FD = 0;
const RESULT = 1;
const LOW = 2;
const HIGH = 3;
const VALUE_BYTES = 8;
const HIGH_WORD = 2 ** 32;

class CounterPage {
  readonly words: Int32Array;
  readonly halves: Uint32Array;
  readonly whole: BigUint64Array;
  readonly read: () => void;
  readonly write: () => void;

  constructor() {
    const made = native.counterPage();
    if (typeof made === 'number') throw systemError(made, 'mmap');
    this.words = new Int32Array(made.page);
    this.halves = new Uint32Array(made.page);
    this.whole = new BigUint64Array(made.page, VALUE_BYTES, 1);
    this.read = made.read;
    this.write = made.write;
  }
}

let opened: CounterPage | undefined;

/** Answers the count, exact up to 2^53, or `-errno`. */
export function readCounter(fd: number): number {
  opened ??= new CounterPage();
  const { words, halves } = opened;
  words[FD] = fd;
  opened.read();
  const result = words[RESULT] as number;
  if (result < 0) return result;
  return (halves[HIGH] as number) * HIGH_WORD + (halves[LOW] as number);
}

/** As the last `readCounter` found it, to the last bit. */
export function exactCounter(): bigint {
  return opened?.whole[0] ?? 0n;
}

/** Answers 8, or `-errno`. */
export function writeCounter(fd: number, value: number): number {
  opened ??= new CounterPage();
  const { words } = opened;
  words[FD] = fd;
  words[LOW] = value | 0;
  // What has no bits above 32, as nearly always, needs no division.
  words[HIGH] = value < HIGH_WORD ? 0 : value / HIGH_WORD;
  opened.write();
  return words[RESULT] as number;
}

/** As `writeCounter`, to the last bit. */
export function writeExactCounter(fd: number, value: bigint): number {
  opened ??= new CounterPage();
  opened.words[FD] = fd;
  opened.whole[0] = value;
  opened.write();
  return opened.words[RESULT] as number;
}
