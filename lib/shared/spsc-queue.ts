/** Queues of records from one thread to another: made, and their two sides. */
import { isPowerOfTwo } from '../units.js';
import { onlyKeys } from '../validate.js';
import { SharedError } from './errors.js';
import { kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';
import { powerOfTwo } from './power-of-two.js';
import {
  checkRecord,
  type RecordKind,
  type RecordsOf,
  recordBytes,
  recordCode,
  recordKind,
  recordsAt,
} from './records.js';
import { SPSC_CAPACITY, SPSC_HEADER, SPSC_KIND, SPSC_RECORD, SPSC_WORDS } from './spsc.js';
import { SpscConsumer } from './spsc-consumer.js';
import { SpscProducer } from './spsc-producer.js';

const KIND: number = kindCode('SPSC');
const CAPACITY_MAX = 2 ** 30;

export interface SpscQueueOptions<Kind extends RecordKind = RecordKind> {
  /** Records: a power of two. */
  capacity: number;
  /** Default 'float64'. */
  record?: Kind;
}

function open(memory: SharedMemory, name: string) {
  const { offset, bytes } = memory.find(name, KIND, 'SpscQueue');
  const words = new Int32Array(memory.buffer, offset, SPSC_WORDS);
  const capacity = words[SPSC_CAPACITY] as number;
  const record = recordKind(words[SPSC_RECORD] as number);
  if (
    words[SPSC_KIND] !== KIND ||
    record === undefined ||
    !isPowerOfTwo(capacity) ||
    SPSC_HEADER + capacity * recordBytes(record) > bytes
  ) {
    throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
  }
  return {
    words,
    record,
    records: recordsAt(record, memory.buffer, offset + SPSC_HEADER, capacity),
  };
}

/**
 * A bounded queue of records of 4 or 8 bytes from one producer to one consumer, in any two threads
 * or processes. Neither ever waits for the other but for room and for records.
 */
export const SpscQueue = {
  /** Makes a queue in `memory`, where it stays; its sides are then taken by name. */
  create(memory: SharedMemory, name: string, options: SpscQueueOptions): void {
    onlyKeys('options', options, ['capacity', 'record']);
    const capacity = powerOfTwo('capacity', options.capacity, 1, CAPACITY_MAX);
    const record = checkRecord(options.record ?? 'float64');
    memory.add(name, KIND, SPSC_HEADER + capacity * recordBytes(record), (offset) => {
      const words = new Int32Array(memory.buffer, offset, SPSC_WORDS);
      words[SPSC_KIND] = KIND;
      words[SPSC_CAPACITY] = capacity;
      words[SPSC_RECORD] = recordCode(record);
    });
  },

  /**
   * Takes the side that puts records in. A producer that ended without `close` is replaced.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  producer<Kind extends RecordKind = 'float64'>(
    memory: SharedMemory,
    name: string,
  ): SpscProducer<Kind> {
    const { words, record, records } = open(memory, name);
    return new SpscProducer(memory, words, records as RecordsOf<Kind>, record as Kind);
  },

  /**
   * Takes the side that takes records out. A consumer that ended without `close` is replaced.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  consumer<Kind extends RecordKind = 'float64'>(
    memory: SharedMemory,
    name: string,
  ): SpscConsumer<Kind> {
    const { words, record, records } = open(memory, name);
    return new SpscConsumer(memory, words, records as RecordsOf<Kind>, record as Kind);
  },
} as const;
