/** Sets of CPUs, written as the kernel writes them, of any size. */
import { inspect } from 'node:util';
import { integer, invalidType, invalidValue, outOfRange } from '../validate.js';

/** No kernel is built for more CPUs than this. */
const CPU_MAX = 65_535;
const BITS = 32;

/** A set, one CPU, several, or the kernel's list format ('0-3,8'). */
export type CpuSetLike = CpuSet | string | number | Iterable<number>;

/** Up to the last word that counts, and as system calls take them: an even number of words. */
function trimmed(words: Uint32Array, count: number): Uint32Array {
  let length = count;
  while (length > 0 && words[length - 1] === 0) length--;
  const even = length + (length & 1);
  if (even <= words.length) return words.slice(0, even);
  const longer = new Uint32Array(even);
  longer.set(words);
  return longer;
}

/** One part of a list: '5', '0-7', or '0-31:2/8', which is the first 2 of every 8. */
const PART = /^(\d{1,5})(?:-(\d{1,5})(?::(\d{1,5})\/(\d{1,5}))?)?$/;

function parsePart(part: string, text: string): number[] {
  const match = PART.exec(part);
  const [first = 0, last = first, used = 1, group = 1] = (match ?? [])
    .slice(1)
    .map((word) => (word === undefined ? undefined : Number(word)));
  if (match === null || last < first || group === 0 || used > group) {
    throw invalidValue('cpus', "must be in the kernel's list format, such as '0-3,8'", text);
  }
  if (last > CPU_MAX) throw outOfRange('cpus', `a CPU <= ${CPU_MAX}`, last);
  const found: number[] = [];
  for (let cpu = first; cpu <= last; cpu++) if ((cpu - first) % group < used) found.push(cpu);
  return found;
}

/** What `postMessage` says when it refuses a set: it would arrive empty. */
function sendItsListInstead(): void {}

/**
 * A set of CPUs that never changes. It reads and prints the kernel's list format, so that
 * `${set}` is what `taskset -c` takes.
 *
 * @man cpuset(7)
 */
export class CpuSet implements Iterable<number> {
  /** @internal */
  readonly uncloneable: () => void = sendItsListInstead;
  static readonly empty = new CpuSet(new Uint32Array(0));

  /** Bit n of word m is CPU 32 * m + n; of the last two words one is not 0. */
  readonly #words: Uint32Array;
  readonly size: number;

  private constructor(words: Uint32Array) {
    this.#words = words;
    let size = 0;
    for (const word of words) {
      for (let bits = word; bits !== 0; bits &= bits - 1) size++;
    }
    this.size = size;
  }

  static of(...cpus: number[]): CpuSet {
    return CpuSet.#collect(cpus);
  }

  /** Answers `value` itself when it is a set already. */
  static from(value: CpuSetLike): CpuSet {
    if (value instanceof CpuSet) return value;
    if (typeof value === 'string') return CpuSet.parse(value);
    if (typeof value === 'number') return CpuSet.#collect([value]);
    if (typeof value === 'object' && value !== null && Symbol.iterator in value) {
      return CpuSet.#collect(value);
    }
    throw invalidType('cpus', 'a CpuSet, a list such as "0-3,8", or numbers of CPUs', value);
  }

  /** The kernel's list format: '0-3,8', '0-31:2/8', or '' for no CPU. */
  static parse(list: string): CpuSet {
    if (typeof list !== 'string') throw invalidType('list', 'a string', list);
    const parts = list.trim() === '' ? [] : list.trim().split(',');
    return CpuSet.#collect(parts.flatMap((part) => parsePart(part.trim(), list)));
  }

  /** The kernel's mask format: hexadecimal, in groups of 32 bits, such as 'ff,00000000'. */
  static parseMask(mask: string): CpuSet {
    if (typeof mask !== 'string') throw invalidType('mask', 'a string', mask);
    const groups = mask.trim().replace(/^0x/i, '').split(',').reverse();
    const plain = groups.length === 1 && (groups[0]?.length ?? 0) > 8;
    const words = plain ? cutMask(groups[0] ?? '') : groups;
    if (words.length * BITS > CPU_MAX + 1 || !words.every((word) => /^[\da-f]{1,8}$/i.test(word))) {
      throw invalidValue(
        'mask',
        "must be in the kernel's mask format, such as 'ff,00000000'",
        mask,
      );
    }
    return CpuSet.fromWords(Uint32Array.from(words, (word) => Number.parseInt(word, 16)));
  }

  /** @internal Bit n of word m is CPU 32 * m + n; the words are copied. */
  static fromWords(words: Uint32Array, count: number = words.length): CpuSet {
    return new CpuSet(trimmed(words, count));
  }

  static #collect(cpus: Iterable<number>): CpuSet {
    let words = new Uint32Array(2);
    for (const cpu of cpus) {
      integer('cpu', cpu, 0, CPU_MAX);
      const at = cpu >>> 5;
      if (at >= words.length) {
        const wider = new Uint32Array(Math.max(at + 1, words.length * 2));
        wider.set(words);
        words = wider;
      }
      words[at] = ((words[at] ?? 0) | (1 << (cpu & 31))) >>> 0;
    }
    return CpuSet.fromWords(words);
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** The lowest CPU. */
  get first(): number | undefined {
    for (const cpu of this) return cpu;
    return undefined;
  }

  /** The highest CPU. */
  get last(): number | undefined {
    const at = this.#words.findLastIndex((word) => word !== 0);
    return at < 0 ? undefined : at * BITS + 31 - Math.clz32(this.#words[at] ?? 0);
  }

  has(cpu: number): boolean {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu > CPU_MAX) return false;
    return ((this.#words[cpu >>> 5] ?? 0) & (1 << (cpu & 31))) !== 0;
  }

  #combine(other: CpuSetLike, combined: (mine: number, theirs: number) => number): CpuSet {
    const theirs = CpuSet.from(other).#words;
    const mine = this.#words;
    const words = new Uint32Array(Math.max(mine.length, theirs.length));
    for (let at = 0; at < words.length; at++) {
      words[at] = combined(mine[at] ?? 0, theirs[at] ?? 0);
    }
    return CpuSet.fromWords(words);
  }

  union(other: CpuSetLike): CpuSet {
    return this.#combine(other, (mine, theirs) => mine | theirs);
  }

  intersection(other: CpuSetLike): CpuSet {
    return this.#combine(other, (mine, theirs) => mine & theirs);
  }

  difference(other: CpuSetLike): CpuSet {
    return this.#combine(other, (mine, theirs) => mine & ~theirs);
  }

  symmetricDifference(other: CpuSetLike): CpuSet {
    return this.#combine(other, (mine, theirs) => mine ^ theirs);
  }

  isSubsetOf(other: CpuSetLike): boolean {
    const theirs = CpuSet.from(other).#words;
    return this.#words.every((word, at) => (word & ~(theirs[at] ?? 0)) === 0);
  }

  isSupersetOf(other: CpuSetLike): boolean {
    return CpuSet.from(other).isSubsetOf(this);
  }

  isDisjointFrom(other: CpuSetLike): boolean {
    const theirs = CpuSet.from(other).#words;
    return this.#words.every((word, at) => (word & (theirs[at] ?? 0)) === 0);
  }

  equals(other: CpuSetLike): boolean {
    const theirs = CpuSet.from(other).#words;
    const mine = this.#words;
    return mine.length === theirs.length && mine.every((word, at) => word === theirs[at]);
  }

  /** Those for which `wanted` answers true. */
  filter(wanted: (cpu: number) => boolean): CpuSet {
    return CpuSet.#collect([...this].filter(wanted));
  }

  *[Symbol.iterator](): Generator<number> {
    for (const [at, word] of this.#words.entries()) {
      for (let bits = word; bits !== 0; bits &= bits - 1) {
        yield at * BITS + 31 - Math.clz32(bits & -bits);
      }
    }
  }

  /** The kernel's list format: '0-3,8'. */
  toString(): string {
    const parts: string[] = [];
    let first = -1;
    let last = -1;
    const close = () => {
      if (first >= 0) parts.push(first === last ? `${first}` : `${first}-${last}`);
    };
    for (const cpu of this) {
      if (first < 0 || cpu !== last + 1) {
        close();
        first = cpu;
      }
      last = cpu;
    }
    close();
    return parts.join(',');
  }

  /** The kernel's mask format: 'ff,00000000'. */
  toMask(): string {
    const words = [...(this.#words.length === 0 ? [0] : this.#words)].reverse();
    return words
      .map((word) => word.toString(16).padStart(8, '0'))
      .join(',')
      .replace(/^[0,]+(?=.)/, '');
  }

  toArray(): number[] {
    return [...this];
  }

  toJSON(): string {
    return this.toString();
  }

  /** @internal As system calls take it: a whole number of 64-bit words, not to be written to. */
  toWords(): Uint32Array {
    return this.#words;
  }

  [inspect.custom](): string {
    return `CpuSet(${this.size}) { ${this} }`.replace('  ', ' ');
  }
}

/** '1ffffffff' in pieces of 32 bits, the lowest first. */
function cutMask(digits: string): string[] {
  const words: string[] = [];
  for (let end = digits.length; end > 0; end -= 8)
    words.push(digits.slice(Math.max(0, end - 8), end));
  return words;
}
