/** Queues of messages, each of any length, from one thread to another. */
import { isPowerOfTwo } from '../units.js';
import { onlyKeys } from '../validate.js';
import { SharedError } from './errors.js';
import { kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';
import { MessageConsumer } from './message-consumer.js';
import { MessageProducer } from './message-producer.js';
import { powerOfTwo } from './power-of-two.js';
import { SPSC_CAPACITY, SPSC_HEADER, SPSC_KIND, SPSC_WORDS } from './spsc.js';

const KIND: number = kindCode('SPSM');
const CAPACITY_MIN = 64;
const CAPACITY_MAX = 2 ** 30;

export interface SpscMessagesOptions {
  /**
   * Bytes: a power of two. A message takes 8 bytes beside its own, in eights, and no more than half
   * of the capacity.
   */
  capacity: number;
}

function open(memory: SharedMemory, name: string) {
  const { offset, bytes } = memory.find(name, KIND, 'SpscMessages');
  const words = new Int32Array(memory.buffer, offset, SPSC_WORDS);
  const capacity = words[SPSC_CAPACITY] as number;
  if (
    words[SPSC_KIND] !== KIND ||
    !isPowerOfTwo(capacity) ||
    capacity < CAPACITY_MIN ||
    SPSC_HEADER + capacity > bytes
  ) {
    throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
  }
  return { words, at: offset + SPSC_HEADER, capacity };
}

/**
 * A bounded queue of messages of bytes from one producer to one consumer, in any two threads or
 * processes. Each message lies in one piece.
 */
export const SpscMessages = {
  /** Makes a queue in `memory`, where it stays; its sides are then taken by name. */
  create(memory: SharedMemory, name: string, options: SpscMessagesOptions): void {
    onlyKeys('options', options, ['capacity']);
    const capacity = powerOfTwo('capacity', options.capacity, CAPACITY_MIN, CAPACITY_MAX);
    memory.add(name, KIND, SPSC_HEADER + capacity, (offset) => {
      const words = new Int32Array(memory.buffer, offset, SPSC_WORDS);
      words[SPSC_KIND] = KIND;
      words[SPSC_CAPACITY] = capacity;
    });
  },

  /**
   * Takes the side that puts messages in. A producer that ended without `close` is replaced.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  producer(memory: SharedMemory, name: string): MessageProducer {
    const { words, at, capacity } = open(memory, name);
    return new MessageProducer(memory, words, at, capacity);
  },

  /**
   * Takes the side that takes messages out. A consumer that ended without `close` is replaced.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  consumer(memory: SharedMemory, name: string): MessageConsumer {
    const { words, at, capacity } = open(memory, name);
    return new MessageConsumer(memory, words, at, capacity);
  },
} as const;
