/** Times for operations that wait: `struct __kernel_timespec`, and clocks. */
import { IORING_TIMEOUT_BOOTTIME, IORING_TIMEOUT_REALTIME } from '../../abi.js';
import { oneOf } from '../../validate.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';

export { milliseconds } from '../../validate.js';

export const TIMESPEC_BYTES = 16;
const MILLISECONDS = 1000;
const NANOSECONDS = 1_000_000;
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
