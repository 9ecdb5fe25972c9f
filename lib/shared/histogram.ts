/** How often values of each size came, to within one part in 64, for any number of participants. */
import { integer } from '../validate.js';
import { SharedError } from './errors.js';
import { kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';

const KIND: number = kindCode('HIST');
const HEADER = 128;
/** Values below are counted exactly; above, each doubling is divided into half as many parts. */
const EXACT = 128;
const HALF: number = EXACT / 2;
const HALF_BITS = 6;
/** Values have up to 53 bits. */
const BUCKETS: number = (53 - HALF_BITS - 1) * HALF + EXACT;
const BYTES: number = HEADER + BUCKETS * 4;
/** Below, numbers are integers of 32 bits to the processor. */
const SMALL = 2 ** 31;
const CUT_BITS = 23;

/** The bucket of a value: 64 times the bits above its seven highest, and these seven. */
function bucketOf(value: number): number {
  if (value < EXACT) return value;
  if (value < SMALL) {
    const shift = 31 - HALF_BITS - Math.clz32(value);
    return shift * HALF + (value >>> shift);
  }
  const high = Math.floor(value / 2 ** CUT_BITS);
  const shift = 31 - HALF_BITS - Math.clz32(high);
  return (shift + CUT_BITS) * HALF + (high >>> shift);
}

/** The smallest value of a bucket. */
function lowestOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const shift = Math.floor(bucket / HALF) - 1;
  return (bucket - shift * HALF) * 2 ** shift;
}

/** The largest value of a bucket. */
const highestOf = (bucket: number): number => lowestOf(bucket + 1) - 1;

/**
 * Counts of values, such as times in nanoseconds, from 0 to 2^53: exact below 128, and to within
 * 1.6 % above. To record is one atomic addition. A bucket holds up to 2^32 counts.
 */
export class Histogram {
  readonly #memory: SharedMemory;
  readonly #counts: Int32Array;

  private constructor(memory: SharedMemory, offset: number) {
    this.#memory = memory;
    this.#counts = new Int32Array(memory.buffer, offset + HEADER, BUCKETS);
  }

  /** Makes a histogram in `memory`, where it stays: 12 KiB. */
  static create(memory: SharedMemory, name: string): void {
    memory.add(name, KIND, BYTES, (offset) => {
      new Int32Array(memory.buffer, offset, 1).set([KIND]);
    });
  }

  /** @throws SharedError `NOT_FOUND`, `LAYOUT` */
  static open(memory: SharedMemory, name: string): Histogram {
    const { offset, bytes } = memory.find(name, KIND, 'Histogram');
    if (new Int32Array(memory.buffer, offset, 1)[0] === KIND && bytes >= BYTES) {
      return new Histogram(memory, offset);
    }
    throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
  }

  /** Counts a value: whole, from 0 on. */
  record(value: number, times = 1): void {
    if (!(value >= 0 && value < 2 ** 53 && Math.floor(value) === value)) {
      integer('value', value, 0, Number.MAX_SAFE_INTEGER);
    }
    Atomics.add(this.#counts, bucketOf(value), times);
  }

  /** Adds what another histogram has counted: the memory of it may be another one. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = other.#at(bucket);
      if (count > 0) Atomics.add(this.#counts, bucket, count | 0);
    }
  }

  /** How many values have been counted. */
  get count(): number {
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) sum += this.#at(bucket);
    return sum;
  }

  /** The value below or at which `percent` of all are: the largest of its bucket. 0 for none. */
  percentile(percent: number): number {
    if (!(percent >= 0 && percent <= 100)) integer('percent', percent, 0, 100);
    const wanted = Math.max(1, Math.ceil((this.count * percent) / 100));
    let sum = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      sum += this.#at(bucket);
      if (sum >= wanted) return highestOf(bucket);
    }
    return 0;
  }

  /** The smallest value, or the least of its bucket; 0 for none. */
  get min(): number {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (this.#at(bucket) > 0) return lowestOf(bucket);
    }
    return 0;
  }

  /** The largest value, or the most of its bucket; 0 for none. */
  get max(): number {
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      if (this.#at(bucket) > 0) return highestOf(bucket);
    }
    return 0;
  }

  /** The middle of the buckets, weighted; 0 for none. */
  get mean(): number {
    let [sum, count] = [0, 0];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const times = this.#at(bucket);
      sum += (times * (lowestOf(bucket) + highestOf(bucket))) / 2;
      count += times;
    }
    return count === 0 ? 0 : sum / count;
  }

  /** Starts again from nothing; what is recorded at the same time may be lost. */
  reset(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) Atomics.store(this.#counts, bucket, 0);
  }

  #at(bucket: number): number {
    this.#memory.needOpen();
    return Atomics.load(this.#counts, bucket) >>> 0;
  }
}
