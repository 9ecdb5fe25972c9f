/** What both kinds of queue from one producer to one consumer have in common: their words. */
import { SharedError } from './errors.js';
import { APART_WORDS } from './layout.js';
import type { SharedMemory } from './memory.js';

// The first line, written when the queue is made, attached to or closed.
export const SPSC_KIND = 0;
/** A power of two: records, or bytes of a queue of messages. */
export const SPSC_CAPACITY = 1;
/** What a record is (`records.ts`); 0 in a queue of messages. */
export const SPSC_RECORD = 2;
/** Participants. */
export const SPSC_PRODUCER = 3;
export const SPSC_CONSUMER = 4;
/** 1 when the producer, or the consumer, has said that it goes. */
export const SPSC_ENDED = 5;
export const SPSC_LEFT = 6;
// Each on lines of its own.
/** How much has been published and how much has been taken, modulo 2^32. */
export const SPSC_TAIL: number = APART_WORDS;
export const SPSC_HEAD: number = 2 * APART_WORDS;
/** Odd while the consumer, or the producer, sleeps. */
export const SPSC_CONSUMER_SLEEPS: number = 3 * APART_WORDS;
export const SPSC_PRODUCER_SLEEPS: number = 4 * APART_WORDS;
/** Bytes before the records. */
export const SPSC_HEADER: number = 5 * APART_WORDS * 4;

export const SPSC_WORDS: number = SPSC_HEADER / 4;

/** Takes the part of the producer or consumer from nobody, or from one who has ended. */
export function takePart(memory: SharedMemory, words: Int32Array, part: number, of: string): void {
  for (;;) {
    const owner = Atomics.load(words, part);
    if (memory.isAlive(owner)) throw new SharedError('TAKEN', `${of} already`);
    if (Atomics.compareExchange(words, part, owner, memory.participant) === owner) return;
  }
}

/** Gives a part back, if it has not been taken over. */
export function leavePart(memory: SharedMemory, words: Int32Array, part: number): void {
  Atomics.compareExchange(words, part, memory.participant, 0);
}

/** Records between the two counts; throws when there cannot be so many. */
export function fillOf(tail: number, head: number, capacity: number): number {
  const fill = (tail - head) | 0;
  if (fill >= 0 && fill <= capacity) return fill;
  throw new SharedError('CORRUPT', `the queue of ${capacity} says that ${fill} are in it`);
}

/** Throws when the other part has gone without a word, or has not been taken and never was. */
export function needPeer(
  memory: SharedMemory,
  words: Int32Array,
  part: number,
  what: string,
): void {
  memory.needOpen();
  const owner = Atomics.load(words, part);
  // Nobody yet, or one who left in order: somebody may come.
  if (owner === 0 || memory.isAlive(owner)) return;
  throw new SharedError('PEER_DIED', `the ${what} ended without closing its side`);
}
