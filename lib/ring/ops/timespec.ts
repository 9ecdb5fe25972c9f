/** Times for operations that wait: `struct __kernel_timespec`, and clocks. */
import { IORING_TIMEOUT_BOOTTIME, IORING_TIMEOUT_REALTIME } from '../../abi.js';
import { integer, oneOf } from '../../validate.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';

export const TIMESPEC_BYTES = 16;
const MILLISECONDS = 1000;
const NANOSECONDS = 1_000_000;
/** About 278 years: also a time of the real-time clock, which counts from 1970. */
const LONGEST_MS = 2 ** 43;

/** Whole or fractional milliseconds, not negative. */
export function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value < LONGEST_MS) return value;
  return integer(name, value, 0, LONGEST_MS);
}

export function putTimespec(block: Block, ms: number): void {
  const seconds = Math.floor(ms / MILLISECONDS);
  block.words[0] = seconds | 0;
  block.words[1] = highWord(seconds);
  block.words[2] = Math.floor((ms - seconds * MILLISECONDS) * NANOSECONDS);
  block.words[3] = 0;
}

const CLOCKS = {
  monotonic: 0,
  boottime: IORING_TIMEOUT_BOOTTIME,
  realtime: IORING_TIMEOUT_REALTIME,
} as const;

export type Clock = keyof typeof CLOCKS;

export function clockFlags(clock: Clock = 'monotonic'): number {
  return CLOCKS[oneOf('clock', clock, ['monotonic', 'boottime', 'realtime'] as const)];
}
