/** Records from one to any number of readers, who never hold it up. */
import { isPowerOfTwo } from '../units.js';
import { integer, invalidValue, onlyKeys } from '../validate.js';
import { BroadcastReader, BroadcastWriter } from './broadcast-sides.js';
import { CAST_CAPACITY, CAST_KIND, CAST_RECORDS, CAST_WORDS, CAST_WRITER } from './cast.js';
import { SharedError } from './errors.js';
import { kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';
import { powerOfTwo } from './power-of-two.js';
import { takePart } from './spsc.js';

const KIND: number = kindCode('CAST');
const RECORD_BYTES_MAX = 65_536;
const CAPACITY_MAX = 2 ** 24;
const WORDS_MAX = 2 ** 28;

export interface BroadcastRingOptions {
  /** Records that are kept: a power of two, at least 2. */
  capacity: number;
  /** Of each record: a multiple of 4. */
  recordBytes: number;
}

function open(memory: SharedMemory, name: string): Int32Array {
  const { offset, bytes } = memory.find(name, KIND, 'BroadcastRing');
  const words = new Int32Array(memory.buffer, offset, bytes / 4);
  const [capacity, size] = [words[CAST_CAPACITY] as number, words[CAST_WORDS] as number];
  const fits = size >= 1 && CAST_RECORDS + capacity * size <= words.length;
  if (words[CAST_KIND] === KIND && isPowerOfTwo(capacity) && capacity >= 2 && fits) return words;
  throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
}

/**
 * A ring of records of one size, written by one and read by all who like, each at its own pace. A
 * reader that falls behind by more than the ring holds is told how many records it lost.
 */
export const BroadcastRing = {
  /** Makes a ring in `memory`, where it stays. */
  create(memory: SharedMemory, name: string, options: BroadcastRingOptions): void {
    onlyKeys('options', options, ['capacity', 'recordBytes']);
    const capacity = powerOfTwo('capacity', options.capacity, 2, CAPACITY_MAX);
    const recordBytes = integer('recordBytes', options.recordBytes, 4, RECORD_BYTES_MAX);
    if (recordBytes % 4 !== 0) {
      throw invalidValue('recordBytes', 'must be a multiple of 4', recordBytes);
    }
    const words = CAST_RECORDS + (capacity * recordBytes) / 4;
    integer('capacity * recordBytes / 4', words, 0, WORDS_MAX);
    memory.add(name, KIND, words * 4, (offset) => {
      new Int32Array(memory.buffer, offset, 3).set([KIND, capacity, recordBytes / 4]);
    });
  },

  /**
   * Takes the side that writes. A writer that ended without `close` is replaced.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  writer(memory: SharedMemory, name: string): BroadcastWriter {
    const words = open(memory, name);
    takePart(memory, words, CAST_WRITER, 'the ring has a writer');
    return new BroadcastWriter(memory, words);
  },

  /** Reads what is written from now on. */
  reader(memory: SharedMemory, name: string): BroadcastReader {
    return new BroadcastReader(memory, open(memory, name));
  },
} as const;
