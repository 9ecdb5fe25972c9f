/** The clock by which a ring waits. */
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, IORING_REGISTER_CLOCK } from '../../abi.js';
import { check } from '../../errors.js';
import { requireFeature } from '../../features.js';
import { native } from '../../native.js';
import { oneOf } from '../../validate.js';

/** 'boottime' goes on while the machine sleeps. */
export type RingClock = 'monotonic' | 'boottime';

const CLOCKS = { monotonic: CLOCK_MONOTONIC, boottime: CLOCK_BOOTTIME } as const;

export function registerClock(ring: number, clock: RingClock): void {
  const id = CLOCKS[oneOf('clock', clock, ['monotonic', 'boottime'] as const)];
  requireFeature('register:CLOCK');
  const opcode = IORING_REGISTER_CLOCK;
  const result = native.ioUringRegister(ring, opcode, new Uint32Array([id, 0, 0, 0]), 0);
  check(result, 'io_uring_register', { facts: { opcode } });
}
