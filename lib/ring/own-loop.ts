/** The owning loop: a thread that does nothing else blocks in io_uring_enter itself. */

import { runTicks } from '../ticks.js';
import { invalidType, onlyKeys } from '../validate.js';
import type { Engine } from './engine.js';
import { milliseconds } from './ops/timespec.js';

export interface OwnLoopOptions {
  /** Asked between turns; the loop returns when it answers true. */
  until?: () => boolean;
  /**
   * The longest single wait in the kernel. A worker can only be terminated between two waits.
   * Default 50.
   */
  sliceMs?: number;
}

const NANOSECONDS = 1_000_000;

/**
 * Runs until `until` says so, or nothing is pending. Promises and ticks run between completions,
 * unless this is called from a promise's continuation, inside which no other runs: handlers then
 * still do. `setImmediate` is a good place to call it from.
 */
export function runOwnLoop(engine: Engine, options: OwnLoopOptions): void {
  onlyKeys('options', options, ['until', 'sliceMs']);
  const sliceNs = milliseconds('sliceMs', options.sliceMs ?? 50) * NANOSECONDS;
  const until = options.until ?? (() => false);
  if (typeof until !== 'function') throw invalidType('until', 'a function', until);
  // Continuations that were waiting when the loop was entered may start the first operations.
  runTicks();
  while (!until() && engine.slots.inUse > 0) {
    engine.wait(sliceNs);
    engine.turn();
  }
}
