/** Counters to which many add without meeting: each participant has a row of its own. */
import { integer, invalidType } from '../validate.js';
import { SharedError } from './errors.js';
import { kindCode, PARTICIPANTS_MAX, UNIT } from './layout.js';
import type { SharedMemory } from './memory.js';

const KIND: number = kindCode('CNTR');
const HEADER = 128;
const COUNT_MAX = 2 ** 16;

const rowBytes = (count: number): number => Math.ceil((count * 8) / UNIT) * UNIT;

/**
 * A number of counters. To add is a plain load and store in the participant's own row; to read sums
 * all rows up. What one who died had added still counts.
 */
export class Counters {
  /** How many counters. */
  readonly count: number;
  readonly #memory: SharedMemory;
  readonly #own: Float64Array;
  readonly #all: Float64Array;
  readonly #step: number;

  private constructor(memory: SharedMemory, offset: number, count: number) {
    this.#memory = memory;
    this.count = count;
    const row = rowBytes(count);
    this.#step = row / 8;
    this.#all = new Float64Array(memory.buffer, offset + HEADER, PARTICIPANTS_MAX * this.#step);
    const slot = memory.participant & (PARTICIPANTS_MAX - 1);
    this.#own = this.#all.subarray(slot * this.#step, slot * this.#step + count);
  }

  /** Makes counters, all 0, in `memory`, where they stay. */
  static create(memory: SharedMemory, name: string, count: number): void {
    integer('count', count, 1, COUNT_MAX);
    memory.add(name, KIND, HEADER + PARTICIPANTS_MAX * rowBytes(count), (offset) => {
      new Int32Array(memory.buffer, offset, 2).set([KIND, count]);
    });
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): Counters {
    const { offset, bytes } = memory.find(name, KIND, 'Counters');
    const [kind, count = 0] = new Int32Array(memory.buffer, offset, 2);
    const fits = count >= 1 && HEADER + PARTICIPANTS_MAX * rowBytes(count) <= bytes;
    if (kind === KIND && fits) return new Counters(memory, offset, count);
    throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
  }

  /** Adds to a counter; up to 2^53 every whole number is exact. */
  add(index: number, amount = 1): void {
    const own = this.#own;
    if (index >>> 0 !== index || index >= own.length) this.#refuse(index);
    if (typeof amount !== 'number') throw invalidType('amount', 'a number', amount);
    // No other thread stores here, and whoever had the row before has ended or left.
    own[index] = (own[index] as number) + amount;
  }

  /** What all have added to a counter, each some time between the call and its end. */
  value(index: number): number {
    integer('index', index, 0, this.count - 1);
    this.#memory.needOpen();
    let sum = 0;
    for (let at = index; at < this.#all.length; at += this.#step) sum += this.#all[at] as number;
    return sum;
  }

  /** `value` of each. */
  values(): number[] {
    return Array.from({ length: this.count }, (_, index) => this.value(index));
  }

  #refuse(index: number): never {
    this.#memory.needOpen();
    integer('index', index, 0, this.count - 1);
    throw invalidType('index', 'an integer', index);
  }
}
