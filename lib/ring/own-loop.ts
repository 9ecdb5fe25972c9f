/** The owning loop: a thread that does nothing else blocks in io_uring_enter itself. */

import { requireFeature } from '../features.js';
import { runTicks } from '../ticks.js';
import { integer, invalidType, onlyKeys } from '../validate.js';
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
  /** How many completions to wait for before each turn. Default 1. */
  waitCount?: number;
  /** After so many microseconds one completion is enough (6.12). Default 0: as long as it takes. */
  minWaitUs?: number;
}

const NANOSECONDS = 1_000_000;

/**
 * Runs until `until` says so, or nothing is pending. Promises and ticks run between completions,
 * unless this is called from a promise's continuation, inside which no other runs: handlers then
 * still do. `setImmediate` is a good place to call it from.
 */
export function runOwnLoop(engine: Engine, options: OwnLoopOptions): void {
  onlyKeys('options', options, ['until', 'sliceMs', 'waitCount', 'minWaitUs']);
  const sliceNs = milliseconds('sliceMs', options.sliceMs ?? 50) * NANOSECONDS;
  const until = options.until ?? (() => false);
  if (typeof until !== 'function') throw invalidType('until', 'a function', until);
  const count = integer('waitCount', options.waitCount ?? 1, 1, engine.completion.entries);
  const minWaitUs = integer('minWaitUs', options.minWaitUs ?? 0, 0, 2 ** 31 - 1);
  if (minWaitUs > 0) requireFeature('ring:MIN_TIMEOUT');
  // Continuations that were waiting when the loop was entered may start the first operations.
  runTicks();
  while (!until() && engine.slots.inUse > 0) {
    engine.wait(sliceNs, Math.min(count, engine.slots.inUse), minWaitUs);
    engine.turn();
  }
}
