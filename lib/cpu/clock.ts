/** Time for microbenchmarks: a steady clock, and the CPU's own counter, which costs half of it. */
import { systemError } from '../errors.js';
import { native } from '../native.js';
import { readLine } from '../proc/read.js';

interface Clock {
  readonly page: Float64Array;
  readonly readClock: () => void;
  readonly readCounter: () => void;
}

let opened: Clock | undefined;

function open(): Clock {
  const clock = native.openClock();
  if (typeof clock === 'number') throw systemError(clock, 'mmap');
  const { page, readClock, readCounter } = clock;
  return { page: new Float64Array(page, 0, 2), readClock, readCounter };
}

/**
 * Nanoseconds since this thread first asked for the time, by CLOCK_MONOTONIC_RAW: no adjustment
 * of the system's clock bends it. Exact for 104 days.
 *
 * @man clock_gettime(2)
 */
export function nanoseconds(): number {
  opened ??= open();
  opened.readClock();
  return opened.page[0] as number;
}

/**
 * Ticks of the CPU's counter (rdtsc, cntvct_el0) since this thread first asked for the time. About
 * half the price of `nanoseconds`; `tickCounter()` says what a tick is.
 */
export function ticks(): number {
  opened ??= open();
  opened.readCounter();
  return opened.page[1] as number;
}

export interface TickCounter {
  /** Ticks a second. */
  readonly hertz: number;
  /** True where it runs at one speed, whatever the CPU does, and alike on all CPUs. */
  readonly invariant: boolean;
  /** Why not, or how it is known. */
  readonly reason: string;
  /** What the kernel itself tells the time by. */
  readonly clocksource: string | undefined;
}

const CALIBRATION_NS = 10_000_000;
const READINGS = 16;

/** The moment of a tick: of several readings, the one in the shortest time. */
function pair(): { tick: number; nanosecond: number } {
  let best = { tick: 0, nanosecond: 0 };
  let least = Infinity;
  for (let reading = 0; reading < READINGS; reading++) {
    const before = nanoseconds();
    const tick = ticks();
    const after = nanoseconds();
    if (after - before >= least) continue;
    least = after - before;
    best = { tick, nanosecond: (before + after) / 2 };
  }
  return best;
}

function measure(): number {
  const first = pair();
  while (nanoseconds() - first.nanosecond < CALIBRATION_NS) ticks();
  const last = pair();
  return ((last.tick - first.tick) * 1e9) / (last.nanosecond - first.nanosecond);
}

let counter: TickCounter | undefined;

/**
 * What the CPU's counter is worth. The first call measures its speed, where the CPU does not say
 * it, against CLOCK_MONOTONIC_RAW, and takes 10 ms for that.
 */
export function tickCounter(): TickCounter {
  counter ??= {
    hertz: native.counterFrequency() || measure(),
    ...judge(),
    clocksource: readLine('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
  };
  return counter;
}

function judge(): Pick<TickCounter, 'invariant' | 'reason'> {
  if (process.arch === 'arm64') {
    return { invariant: true, reason: 'the architecture promises it (cntvct_el0)' };
  }
  const flags = /^flags\s*:(.*)$/m.exec(readLine('/proc/cpuinfo') ?? '')?.[1]?.split(' ') ?? [];
  const missing = ['constant_tsc', 'nonstop_tsc'].filter((flag) => !flags.includes(flag));
  return missing.length === 0
    ? { invariant: true, reason: 'the CPU says so: constant_tsc, nonstop_tsc' }
    : { invariant: false, reason: `the CPU does not say ${missing.join(' and ')}` };
}
