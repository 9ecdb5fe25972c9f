/** A lock for what is rare and soon over: its word names its holder, who may die holding it. */
import { futexWait } from './futex.js';
import type { SharedMemory } from './memory.js';

/** Its holder is looked for when it has taken longer. */
const LOOK_AFTER_MS = 2;

/** Waits until the word is this participant's. */
export function holdLock(memory: SharedMemory, words: Int32Array, index: number): void {
  holdLockAs(memory.participant, (name) => memory.isAlive(name), words, index);
}

/** As `holdLock`, for who knows participants otherwise. */
export function holdLockAs(
  self: number,
  isAlive: (name: number) => boolean,
  words: Int32Array,
  index: number,
): void {
  for (;;) {
    const owner = Atomics.compareExchange(words, index, 0, self);
    if (owner === 0) return;
    // Nobody wakes: this is rare, and soon over.
    futexWait(words, index, owner, { timeoutMs: LOOK_AFTER_MS });
    if (isAlive(owner)) continue;
    if (Atomics.compareExchange(words, index, owner, self) === owner) return;
  }
}

export function releaseLock(words: Int32Array, index: number): void {
  Atomics.store(words, index, 0);
}
