/** One answer of another server, found in bytes as they come: where it ends, and nothing copied. */
import { INCOMPLETE, MALFORMED } from './request.js';

const LF = 0x0a;
const CR = 0x0d;
const LINE_MAX = 64 * 1024;
/** Digits of a length, with a sign: longer ones are none. */
const DIGITS_MAX = 11;
const NO_NUMBER = -2;

/** The first byte of what is no answer but a message, such as an invalidation. */
export const PUSH = 0x3e;
/** The first byte of an error. */
export const ERROR = 0x2d;

export class AnswerScan {
  /** How far it has been read, from where it begins. */
  private offset = 0;
  /** Values that must come before it is whole: each list adds its own. */
  private remaining = 1;

  /** Ready for the next one. */
  reset(): void {
    this.offset = 0;
    this.remaining = 1;
  }

  /** Up to where bytes that have come before `end` are needed no more, if only its end is. */
  readTo(base: number, end: number): number {
    return Math.min(base + this.offset, end);
  }

  /**
   * Goes on where it has stopped. `base` is where the answer begins, which may be another place
   * than before, or one before the start. Answers where it ends, INCOMPLETE or MALFORMED.
   */
  parse(source: Buffer, base: number, end: number): number {
    let at = base + this.offset;
    while (this.remaining > 0) {
      if (at >= end) return INCOMPLETE;
      const line = source.indexOf(LF, at);
      if (line < 0 || line >= end) return end - at > LINE_MAX ? MALFORMED : INCOMPLETE;
      if (line - at < 2 || source[line - 1] !== CR) return MALFORMED;
      const next = this.value(source, at, line);
      if (next < 0) return MALFORMED;
      at = next;
      this.offset = at - base;
    }
    return at <= end ? at : INCOMPLETE;
  }

  /** Where the value goes on behind its first line; its own values are counted. */
  private value(source: Buffer, at: number, line: number): number {
    switch (String.fromCharCode(source[at] as number)) {
      case '+':
      case '-':
      case ':':
      case ',':
      case '(':
      case '_':
      case '#':
        this.remaining--;
        return line + 1;
      case '$':
      case '=':
      case '!': {
        const length = number(source, at + 1, line - 1);
        this.remaining--;
        if (length >= 0) return line + 1 + length + 2;
        return length === -1 ? line + 1 : MALFORMED;
      }
      case '>':
        // What is told between the parts of an answer would be taken for one of them.
        if (this.offset > 0) return MALFORMED;
        return this.list(source, at, line, 1, -1);
      case '*':
      case '~':
        return this.list(source, at, line, 1, -1);
      case '%':
        return this.list(source, at, line, 2, -1);
      case '|':
        // What the attribute is about follows it.
        return this.list(source, at, line, 2, 0);
      default:
        return MALFORMED;
    }
  }

  private list(source: Buffer, at: number, line: number, each: number, own: number): number {
    const count = number(source, at + 1, line - 1);
    if (count < -1) return MALFORMED;
    this.remaining += Math.max(count, 0) * each + own;
    return line + 1;
  }
}

function number(source: Buffer, start: number, end: number): number {
  if (end - start > DIGITS_MAX || end <= start) return NO_NUMBER;
  if (source[start] === 0x2d)
    return end - start === 2 && source[start + 1] === 0x31 ? -1 : NO_NUMBER;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (source[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return NO_NUMBER;
    value = value * 10 + digit;
  }
  return value;
}
