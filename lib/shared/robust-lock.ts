/** A lock for what is rare and soon over: its word names its holder, who may die holding it. */
import { futexWait } from './futex.js';
import type { SharedMemory } from './memory.js';

/** Its holder is looked for when it has taken longer. */
const LOOK_AFTER_MS = 2;

/** So often it is tried before the thread sleeps. */
const SPIN = 1000;

/** Waits until the word is this participant's; true when its last holder died holding it. */
export function holdLock(memory: SharedMemory, words: Int32Array, index: number): boolean {
  return holdLockAs(memory.participant, (name) => memory.isAlive(name), words, index);
}

/** As `holdLock`, for who knows participants otherwise. */
export function holdLockAs(
  self: number,
  isAlive: (name: number) => boolean,
  words: Int32Array,
  index: number,
): boolean {
  for (let tries = 0; ; tries++) {
    const owner = Atomics.compareExchange(words, index, 0, self);
    if (owner === 0) return false;
    if (tries < SPIN) continue;
    // Nobody wakes: what is done with the lock held is soon over.
    futexWait(words, index, owner, { timeoutMs: LOOK_AFTER_MS });
    if (isAlive(owner)) continue;
    if (Atomics.compareExchange(words, index, owner, self) === owner) return true;
  }
}

export function releaseLock(words: Int32Array, index: number): void {
  Atomics.store(words, index, 0);
}
