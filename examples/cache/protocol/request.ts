/** One request, read from bytes as they come: where its arguments are, and nothing copied. */
import { latin1 } from '../store/bytes.js';
import { splitWords } from './inline.js';

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const MINUS = 0x2d;

/** What `parse` answers when more bytes must come, and when no bytes can mend it. */
export const INCOMPLETE = 0;
export const MALFORMED = -1;

const ARGUMENTS_MAX = 1024 * 1024;
const INLINE_MAX = 64 * 1024;
/** Digits of a length, with a sign: longer ones are none. */
const DIGITS_MAX = 11;

/** What `number` answers instead of one. */
const UNFINISHED = -2;
const NO_NUMBER = -3;

const NOTHING = Buffer.alloc(0);

/** Bytes that a request may have in all. */
export interface Limits {
  readonly requestBytes: number;
}

export class Request {
  source: Buffer = NOTHING;
  /** Where it begins in `source`; what follows is counted from there. */
  base = 0;
  /** Arguments, with the name of the command; 0 of an empty line. */
  count = 0;
  /** How far it has been read. */
  offset = 0;
  /** It was typed: its bytes are not as the protocol has them. */
  typed = false;
  /** Why it is malformed. */
  problem = '';
  private readonly starts: number[] = [];
  private readonly lengths: number[] = [];
  private readonly limits: Limits;
  private expected = 0;
  /** Length of the argument that is being read; -1 before it is known. */
  private length = -1;
  /** Where the number that was read last ends. */
  private after = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  start(index: number): number {
    return this.base + (this.starts[index] as number);
  }

  lengthOf(index: number): number {
    return this.lengths[index] as number;
  }

  text(index: number): string {
    return latin1(this.source, this.start(index), this.lengthOf(index));
  }

  /** Ready for the next one. */
  reset(): void {
    this.typed = false;
    this.count = 0;
    this.offset = 0;
    this.expected = 0;
    this.length = -1;
  }

  /** One of its own, whose bytes nobody else has. */
  copy(): Request {
    const copy = new Request(this.limits);
    let bytes = 0;
    for (let index = 0; index < this.count; index++) bytes += this.lengthOf(index);
    copy.source = Buffer.allocUnsafe(bytes);
    copy.count = this.count;
    let at = 0;
    for (let index = 0; index < this.count; index++) {
      const start = this.start(index);
      const length = this.lengthOf(index);
      this.source.copy(copy.source, at, start, start + length);
      copy.starts.push(at);
      copy.lengths.push(length);
      at += length;
    }
    return copy;
  }

  /** Makes this one of words. */
  become(words: readonly string[]): void {
    this.source = Buffer.from(words.join(''), 'latin1');
    this.base = 0;
    this.count = words.length;
    let at = 0;
    words.forEach((word, index) => {
      this.starts[index] = at;
      this.lengths[index] = word.length;
      at += word.length;
    });
  }

  /** How many bytes must come at least before it is complete. */
  get missing(): number {
    return this.length < 0 ? 1 : this.length + 2;
  }

  /**
   * Goes on where it has stopped. `base` is where the request begins in `source`, which may be
   * another place than before. Answers where it ends, INCOMPLETE or MALFORMED.
   */
  parse(source: Buffer, base: number, end: number): number {
    this.source = source;
    this.base = base;
    if (this.expected === 0) {
      if (base >= end) return INCOMPLETE;
      if (source[base] !== STAR) return this.parseInline(source, base, end);
      const expected = this.number(source, base + 1, end);
      if (expected === UNFINISHED) return INCOMPLETE;
      if (expected === NO_NUMBER || expected > ARGUMENTS_MAX) {
        return this.refuse('invalid multibulk length');
      }
      if (expected <= 0) return this.after;
      this.expected = expected;
      this.offset = this.after - base;
    }
    return this.parseArguments(source, base, end);
  }

  private parseArguments(source: Buffer, base: number, end: number): number {
    let at = base + this.offset;
    while (this.count < this.expected) {
      if (this.length < 0) {
        if (at >= end) return INCOMPLETE;
        if (source[at] !== DOLLAR) {
          return this.refuse(`expected '$', got '${String.fromCharCode(source[at] as number)}'`);
        }
        const length = this.number(source, at + 1, end);
        if (length === UNFINISHED) return INCOMPLETE;
        if (length < 0) return this.refuse('invalid bulk length');
        if (this.after - base + length > this.limits.requestBytes) {
          return this.refuse('invalid bulk length');
        }
        this.length = length;
        at = this.after;
        this.offset = at - base;
      }
      const { length } = this;
      if (at + length + 2 > end) return INCOMPLETE;
      if (source[at + length] !== CR || source[at + length + 1] !== LF) {
        return this.refuse('invalid bulk length');
      }
      this.starts[this.count] = at - base;
      this.lengths[this.count] = length;
      this.count++;
      at += length + 2;
      this.offset = at - base;
      this.length = -1;
    }
    return at;
  }

  /** A number up to the end of its line; where the next line begins is in `after`. */
  private number(source: Buffer, start: number, end: number): number {
    let at = start;
    let value = 0;
    const negative = at < end && source[at] === MINUS;
    if (negative) at++;
    const first = at;
    for (; at < end; at++) {
      const digit = (source[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (at - first >= DIGITS_MAX) return NO_NUMBER;
    }
    if (at + 1 >= end) return at >= end || source[at] === CR ? UNFINISHED : NO_NUMBER;
    if (at === first || source[at] !== CR || source[at + 1] !== LF) return NO_NUMBER;
    this.after = at + 2;
    return negative ? -Math.min(value, 1) : value;
  }

  /** A line of words, as people type it. */
  private parseInline(source: Buffer, base: number, end: number): number {
    const found = source.indexOf(LF, base + this.offset);
    if (found < 0 || found >= end) {
      this.offset = end - base;
      return this.offset > INLINE_MAX ? this.refuse('too big inline request') : INCOMPLETE;
    }
    if (found - base > INLINE_MAX) return this.refuse('too big inline request');
    const words = splitWords(latin1(source, base, found - base));
    if (words === undefined) return this.refuse('unbalanced quotes in request');
    this.become(words);
    this.typed = true;
    return found + 1;
  }

  private refuse(problem: string): number {
    this.problem = problem;
    return MALFORMED;
  }
}
