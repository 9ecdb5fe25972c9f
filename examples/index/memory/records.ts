/**
 * Records: a word with the lengths of key and value, then the bytes of both. Keys begin at a word,
 * so that they are hashed and compared by words.
 */
import { randomInt } from 'node:crypto';
import { refuse } from '../errors.js';
import type { Blocks } from './blocks.js';
import { Copies } from './copies.js';
import type { Pages } from './pages.js';

export const KEY_BYTES_MAX = 1024;
export const VALUE_BYTES_MAX = 65_536;
const KEY_BITS = 11;
const KEY_MASK = (1 << KEY_BITS) - 1;
/** Bytes that are copied one by one: fewer cost less than a call. */
const FEW = 32;

/** Bytes, or a text, which is taken as UTF-8. */
export type Bytes = Uint8Array | string;

/** Which of two words that differ comes first, as bytes in memory. */
function orderOf(left: number, right: number): number {
  const shift = (31 - Math.clz32((left ^ right) & -(left ^ right))) & 24;
  return ((left >>> shift) & 0xff) - ((right >>> shift) & 0xff);
}

export class Records {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  private readonly blocks: Blocks;
  private readonly copies: Copies;
  /** Nobody outside knows it, so nobody can choose keys that collide. */
  private readonly seed = randomInt(2 ** 32) | 0;
  private readonly stages: number[] = [];

  constructor(pages: Pages, blocks: Blocks) {
    this.bytes = pages.bytes;
    this.words = pages.words;
    this.blocks = blocks;
    this.copies = new Copies(pages.words, pages.bytes);
  }

  /** A record with a key alone that can be written again and again: what is searched for. */
  takeStage(): number {
    return this.stages.pop() ?? this.blocks.take(4 + KEY_BYTES_MAX + 1);
  }

  giveStage(place: number): void {
    this.stages.push(place);
  }

  /** All blocks have been taken back. */
  reset(): void {
    this.stages.length = 0;
  }

  /** Puts `key` into a stage. */
  stage(place: number, key: Bytes): void {
    const start = place * 8 + 4;
    const length = typeof key === 'string' ? this.writeText(key, start) : key.length;
    if (length < 1 || length > KEY_BYTES_MAX) {
      refuse('key', `1 to ${KEY_BYTES_MAX} bytes long`, `${length} bytes`);
    }
    if (typeof key !== 'string') copy(key, 0, length, this.bytes, start);
    this.words[place << 1] = length;
  }

  /** Puts the first key that could come behind that of the record at `key` into a stage. */
  stageAfter(place: number, key: number): void {
    const length = this.keyLength(key);
    this.bytes.copyWithin(place * 8 + 4, key * 8 + 4, key * 8 + 4 + length);
    this.bytes[place * 8 + 4 + length] = 0;
    this.words[place << 1] = length + 1;
  }

  keyLength(place: number): number {
    return (this.words[place << 1] as number) & KEY_MASK;
  }

  valueLength(place: number): number {
    return (this.words[place << 1] as number) >>> KEY_BITS;
  }

  keyStart(place: number): number {
    return place * 8 + 4;
  }

  valueStart(place: number): number {
    return place * 8 + 4 + ((this.words[place << 1] as number) & KEY_MASK);
  }

  /** A copy of the value. */
  value(place: number): Buffer {
    const length = this.keyLength(place);
    return this.copies.take(place * 8 + 4, length, length + this.valueLength(place));
  }

  /** The value in place. */
  valueView(place: number): Buffer {
    const start = this.valueStart(place);
    return this.bytes.subarray(start, start + this.valueLength(place));
  }

  /** Copies of key and value, which lie one behind the other. */
  entry(place: number): { key: Buffer; value: Buffer } {
    const length = this.keyLength(place);
    return this.copies.takeBoth(place * 8 + 4, length, length + this.valueLength(place));
  }

  /** A new record with the key of the record at `key`. */
  create(key: number, value: Uint8Array): number {
    const length = this.keyLength(key);
    const place = this.blocks.take(4 + length + value.length);
    this.bytes.copyWithin(place * 8 + 4, key * 8 + 4, key * 8 + 4 + length);
    this.words[place << 1] = length | (value.length << KEY_BITS);
    copy(value, 0, value.length, this.bytes, place * 8 + 4 + length);
    return place;
  }

  /** Whether `length` bytes of value fit in the block that the record has, without much waste. */
  fits(place: number, length: number): boolean {
    const size = 4 + this.keyLength(place) + length;
    const room = this.blocks.room(place);
    return size <= room && size * 2 > room;
  }

  /** Puts another value in place, which fits. */
  overwrite(place: number, value: Uint8Array): void {
    const length = this.keyLength(place);
    this.words[place << 1] = length | (value.length << KEY_BITS);
    copy(value, 0, value.length, this.bytes, place * 8 + 4 + length);
  }

  /** A record that is the first `length` bytes of a key. */
  createPrefix(key: number, length: number): number {
    const place = this.blocks.take(4 + length);
    this.words[place << 1] = length;
    copy(this.bytes, key * 8 + 4, length, this.bytes, place * 8 + 4);
    return place;
  }

  remove(place: number): void {
    this.blocks.give(place);
  }

  /** MurmurHash3, 32 bits. */
  hash(place: number): number {
    const { words } = this;
    const length = this.keyLength(place);
    let at = (place << 1) + 1;
    let hash = this.seed;
    for (const end = at + (length >>> 2); at < end; at++) {
      let part = Math.imul(words[at] as number, 0xcc9e_2d51);
      part = (part << 15) | (part >>> 17);
      hash ^= Math.imul(part, 0x1b87_3593);
      hash = (hash << 13) | (hash >>> 19);
      hash = (Math.imul(hash, 5) + 0xe654_6b64) | 0;
    }
    const rest = length & 3;
    if (rest > 0) {
      let part = Math.imul((words[at] as number) & ((1 << (rest * 8)) - 1), 0xcc9e_2d51);
      part = (part << 15) | (part >>> 17);
      hash ^= Math.imul(part, 0x1b87_3593);
    }
    hash ^= length;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
    return hash ^ (hash >>> 16);
  }

  sameKey(left: number, right: number): boolean {
    const { words } = this;
    const length = (words[left << 1] as number) & KEY_MASK;
    if (length !== ((words[right << 1] as number) & KEY_MASK)) return false;
    let a = (left << 1) + 1;
    let b = (right << 1) + 1;
    for (const end = a + (length >>> 2); a < end; a++, b++) {
      if (words[a] !== words[b]) return false;
    }
    const rest = length & 3;
    if (rest === 0) return true;
    return (((words[a] as number) ^ (words[b] as number)) & ((1 << (rest * 8)) - 1)) === 0;
  }

  /** Below 0, 0 or above, as the keys come one after the other. */
  compare(left: number, right: number): number {
    const { words } = this;
    const leftLength = (words[left << 1] as number) & KEY_MASK;
    const rightLength = (words[right << 1] as number) & KEY_MASK;
    const length = Math.min(leftLength, rightLength);
    let a = (left << 1) + 1;
    let b = (right << 1) + 1;
    for (const end = a + (length >>> 2); a < end; a++, b++) {
      const x = words[a] as number;
      const y = words[b] as number;
      if (x !== y) return orderOf(x, y);
    }
    const mask = (1 << ((length & 3) * 8)) - 1;
    const x = (words[a] as number) & mask;
    const y = (words[b] as number) & mask;
    return x === y ? leftLength - rightLength : orderOf(x, y);
  }

  /** How many bytes two keys begin with together. */
  commonBytes(left: number, right: number): number {
    const { bytes } = this;
    const length = Math.min(this.keyLength(left), this.keyLength(right));
    const a = left * 8 + 4;
    const b = right * 8 + 4;
    let index = 0;
    while (index < length && bytes[a + index] === bytes[b + index]) index++;
    return index;
  }

  /** Four bytes of the key from `offset` on, zeros behind its end, as a number in their order. */
  slice(place: number, offset: number): number {
    const { bytes } = this;
    const at = place * 8 + 4 + offset;
    const left = ((this.words[place << 1] as number) & KEY_MASK) - offset;
    let slice = left > 0 ? (bytes[at] as number) << 24 : 0;
    if (left > 1) slice |= (bytes[at + 1] as number) << 16;
    if (left > 2) slice |= (bytes[at + 2] as number) << 8;
    if (left > 3) slice |= bytes[at + 3] as number;
    // As a signed number it would be below 0 from 0x80 on.
    return slice ^ 0x8000_0000;
  }

  /** Writes a text of ASCII letter by letter; another, or a long one, by Node. */
  private writeText(text: string, at: number): number {
    const { bytes } = this;
    const { length } = text;
    // What is too long is never written: it would go over what lies behind.
    if (length > FEW) {
      const size = Buffer.byteLength(text);
      return size > KEY_BYTES_MAX ? size : bytes.write(text, at, 'utf8');
    }
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return bytes.write(text, at, 'utf8');
      bytes[at + index] = code;
    }
    return length;
  }
}

/** Short bytes one by one, which costs less than a view of them. */
export function copy(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length > FEW) {
    const whole = start === 0 && length === source.length;
    target.set(whole ? source : source.subarray(start, start + length), at);
  } else {
    for (let index = 0; index < length; index++) {
      target[at + index] = source[start + index] as number;
    }
  }
}
