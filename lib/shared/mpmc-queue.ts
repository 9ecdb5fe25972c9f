/** Queues of records between any number of threads, made and opened. */
import { isPowerOfTwo } from '../units.js';
import { onlyKeys } from '../validate.js';
import { SharedError } from './errors.js';
import { kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';
import { MPMC_CAPACITY, MPMC_CELL, MPMC_CELLS, MPMC_KIND, MPMC_RECORD, mpmcBytes } from './mpmc.js';
import { MpmcHandle } from './mpmc-handle.js';
import { powerOfTwo } from './power-of-two.js';
import { checkRecord, type RecordKind, recordCode, recordKind } from './records.js';

const KIND: number = kindCode('MPMC');
const CAPACITY_MAX = 2 ** 26;

export interface MpmcQueueOptions<Kind extends RecordKind = RecordKind> {
  /** Records: a power of two, at least 2. */
  capacity: number;
  /** Default 'float64'. */
  record?: Kind;
}

/**
 * A bounded queue of records of 4 or 8 bytes from any number of producers to any number of
 * consumers, in threads and processes. Records of one producer come out in their order.
 */
export const MpmcQueue = {
  /** Makes a queue in `memory`, where it stays. */
  create(memory: SharedMemory, name: string, options: MpmcQueueOptions): void {
    onlyKeys('options', options, ['capacity', 'record']);
    const capacity = powerOfTwo('capacity', options.capacity, 2, CAPACITY_MAX);
    const record = checkRecord(options.record ?? 'float64');
    memory.add(name, KIND, mpmcBytes(capacity), (offset) => {
      const words = new Int32Array(memory.buffer, offset, mpmcBytes(capacity) / 4);
      words[MPMC_KIND] = KIND;
      words[MPMC_CAPACITY] = capacity;
      words[MPMC_RECORD] = recordCode(record);
      // Each cell is free for the position of its number.
      for (let index = 0; index < capacity; index++) words[MPMC_CELLS + index * MPMC_CELL] = index;
    });
  },

  /**
   * Opens a queue, to put records in and to take them out. Once for each queue and participant.
   *
   * @throws SharedError `NOT_FOUND`, `LAYOUT`, `TAKEN`
   */
  open<Kind extends RecordKind = 'float64'>(memory: SharedMemory, name: string): MpmcHandle<Kind> {
    const { offset, bytes } = memory.find(name, KIND, 'MpmcQueue');
    const words = new Int32Array(memory.buffer, offset, bytes / 4);
    const capacity = words[MPMC_CAPACITY] as number;
    const record = recordKind(words[MPMC_RECORD] as number);
    if (
      words[MPMC_KIND] !== KIND ||
      record === undefined ||
      !isPowerOfTwo(capacity) ||
      capacity < 2 ||
      mpmcBytes(capacity) > bytes
    ) {
      throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
    }
    return new MpmcHandle(memory, words, offset, capacity, record as Kind);
  },
} as const;
