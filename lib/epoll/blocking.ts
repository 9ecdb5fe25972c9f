/** Waits that block their thread: time limits, interruptions, workers that may be terminated. */
import { isMainThread } from 'node:worker_threads';
import { EINTR } from '../abi.js';
import { boolean, onlyKeys, outOfRange } from '../validate.js';
import { type SignalMask, signalMask } from './signal-mask.js';

export interface BlockingOptions {
  /**
   * Waits at most so many milliseconds, which may have a fraction down to a nanosecond; 0 only
   * looks. Without it: until something happens.
   */
  timeoutMs?: number;
  /** Goes on waiting after a signal handler ran; false answers as at a timeout. Default true. */
  restart?: boolean;
  /** Signals that are blocked while waiting, in place of the thread's own mask. */
  signalMask?: readonly NodeJS.Signals[];
}

const KEYS = ['timeoutMs', 'restart', 'signalMask'];
const NANOSECONDS = 1_000_000;
/** A worker can be terminated only between two waits. */
const SLICE_NS = 50 * NANOSECONDS;
const LONGEST_MS = 2 ** 40;

/** Waits once: answers what there is, 0 for nothing, or `-errno`. */
export type Once = (timeoutNs: number, mask: SignalMask | undefined) => number;

/** As `blockUntil`, without options. */
export function blockForever(once: Once): number {
  const sliceNs = isMainThread ? -1 : SLICE_NS;
  for (;;) {
    const result = once(sliceNs, undefined);
    if (result !== 0 && result !== -EINTR) return result;
  }
}

/**
 * Calls `once` until it answers something, time is over, or a signal came that ends the wait.
 *
 * Answers what `once` answered last, or 0. Negative time means no limit.
 */
export function blockUntil(options: BlockingOptions, once: Once): number {
  onlyKeys('options', options, KEYS);
  const limitNs = timeoutNs(options.timeoutMs);
  const restart = boolean('restart', options.restart ?? true);
  const mask = signalMask('signalMask', options.signalMask);
  const startedAt = limitNs > 0 ? performance.now() : 0;
  let leftNs = limitNs;
  for (;;) {
    const result = once(isMainThread ? leftNs : sliceOf(leftNs), mask);
    if (result !== 0 && result !== -EINTR) return result;
    if (result === -EINTR && !restart) return 0;
    if (limitNs < 0) continue;
    if (leftNs > 0) {
      const passedNs = (performance.now() - startedAt) * NANOSECONDS;
      leftNs = Math.max(0, Math.ceil(limitNs - passedNs));
      if (leftNs > 0) continue;
    }
    // Interrupted at the end, it still has to look.
    if (result === 0) return 0;
  }
}

function sliceOf(leftNs: number): number {
  return leftNs < 0 ? SLICE_NS : Math.min(leftNs, SLICE_NS);
}

function timeoutNs(ms: number | undefined): number {
  if (ms === undefined) return -1;
  if (typeof ms !== 'number' || !(ms >= 0 && ms <= LONGEST_MS)) {
    throw outOfRange('timeoutMs', `>= 0 && <= ${LONGEST_MS}`, ms);
  }
  return Math.ceil(ms * NANOSECONDS);
}
