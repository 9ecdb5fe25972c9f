/** The words of a queue of many producers and consumers, and the repair of what dead ones left. */
import { APART_WORDS, PARTICIPANTS_MAX } from './layout.js';
import type { SharedMemory } from './memory.js';
import { holdLock, releaseLock } from './robust-lock.js';

export const MPMC_KIND = 0;
export const MPMC_CAPACITY = 1;
export const MPMC_RECORD = 2;
/** 1 when nothing more will be put in. */
export const MPMC_ENDED = 3;
/** The participant that repairs. */
const REPAIR = 4;
// Each on lines of its own: the next position to put in and to take out, modulo 2^32.
export const MPMC_TAIL: number = APART_WORDS;
export const MPMC_HEAD: number = 2 * APART_WORDS;
export const MPMC_DATA_SLEEPS: number = 3 * APART_WORDS;
export const MPMC_ROOM_SLEEPS: number = 4 * APART_WORDS;

/**
 * What each participant is about to do, by its slot: its name, the position that it claims to put
 * in, and the one that it claims to take out. Stored before the claim, and cleared when another got
 * it. It stays when the claim was good: no position comes a second time before 2^32 others.
 */
const INTENTS: number = 5 * APART_WORDS;
/** A line, so that nobody stores beside another's. */
const INTENT_WORDS = 16;
const NAME = 0;
export const PUT = 1;
export const TAKE = 2;

/** A cell: its sequence, whether it is a hole, and 8 bytes for the record. */
export const MPMC_CELLS: number = INTENTS + PARTICIPANTS_MAX * INTENT_WORDS;
export const MPMC_CELL = 4;
export const HOLE = 1;

export const mpmcBytes = (capacity: number): number => (MPMC_CELLS + capacity * MPMC_CELL) * 4;

/** No position that anybody can be at: half of all away. */
export const cleared = (position: number): number => position ^ 0x8000_0000;

/** Where a participant says what it is about to do. */
export const intentOf = (participant: number): number =>
  INTENTS + (participant & (PARTICIPANTS_MAX - 1)) * INTENT_WORDS;

export const cellOf = (position: number, capacity: number): number =>
  MPMC_CELLS + (position & (capacity - 1)) * MPMC_CELL;

/**
 * Whether nobody alive has `position` claimed. Whoever has claimed it said so before, and does so
 * until the cell's sequence has moved on; as that has not, and nobody can claim it any more, what
 * is found is complete.
 */
function isAbandoned(
  memory: SharedMemory,
  words: Int32Array,
  which: number,
  position: number,
): boolean {
  for (let slot = 1; slot < PARTICIPANTS_MAX; slot++) {
    const at = INTENTS + slot * INTENT_WORDS;
    const name = Atomics.load(words, at + NAME);
    if (name === 0 || Atomics.load(words, at + which) !== position) continue;
    if (memory.isAlive(name)) return false;
  }
  return true;
}

/**
 * Makes good what a participant left at `position` by dying between claim and end: a cell that was
 * to be filled becomes a hole, one that was being emptied is empty. True when something was done.
 */
export function repair(
  memory: SharedMemory,
  words: Int32Array,
  which: number,
  position: number,
): boolean {
  const capacity = words[MPMC_CAPACITY] as number;
  const cell = cellOf(position, capacity);
  const stuckAt = which === PUT ? position : (position + 1) | 0;
  const next = Atomics.load(words, which === PUT ? MPMC_TAIL : MPMC_HEAD);
  const claimed = ((next - position) | 0) > 0;
  if (!claimed || Atomics.load(words, cell) !== stuckAt) return false;
  holdLock(memory, words, REPAIR);
  try {
    // Only here sequences of abandoned cells are moved: it is looked at again, then done once.
    if (!isAbandoned(memory, words, which, position)) return false;
    if (Atomics.load(words, cell) !== stuckAt) return false;
    if (which === PUT) Atomics.store(words, cell + HOLE, 1);
    const done = which === PUT ? position + 1 : position + capacity;
    return Atomics.compareExchange(words, cell, stuckAt, done | 0) === stuckAt;
  } finally {
    releaseLock(words, REPAIR);
  }
}

/** Takes this participant's place among the intents, after what the one before left in it. */
export function openIntents(memory: SharedMemory, words: Int32Array): number {
  const at = intentOf(memory.participant);
  const before = Atomics.load(words, at + NAME);
  if (before !== 0 && before !== memory.participant) {
    for (const which of [PUT, TAKE]) repair(memory, words, which, Atomics.load(words, at + which));
  }
  Atomics.store(words, at + PUT, cleared(Atomics.load(words, MPMC_TAIL)));
  Atomics.store(words, at + TAKE, cleared(Atomics.load(words, MPMC_HEAD)));
  Atomics.store(words, at + NAME, memory.participant);
  return at;
}

/** Gives the place back: nothing is in progress. */
export function closeIntents(memory: SharedMemory, words: Int32Array): void {
  Atomics.store(words, intentOf(memory.participant) + NAME, 0);
}
