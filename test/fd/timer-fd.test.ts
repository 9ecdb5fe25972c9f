/** Timers that are descriptors. */
import { spawnSync } from 'node:child_process';
import { TimerFd } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { hintFor } from '../../lib/hints.js';
import { expectRefusal, later, openRing, TYPE, VALUE } from '../support/ring.js';

const CLOCKS = ['monotonic', 'realtime', 'boottime', 'realtimeAlarm', 'boottimeAlarm'] as const;

function open(...options: Parameters<typeof TimerFd.open>): TimerFd {
  const made = TimerFd.open(...options);
  onTestFinished(() => made.close());
  return made;
}

test.each(CLOCKS)('a timer by clock %s fires after a time, and at a time', async (clock) => {
  const timer = open({ clock });
  expect(timer.remains()).toEqual({ remainingMs: 0, everyMs: 0 });
  expect(timer.read()).toBeUndefined();
  timer.set({ afterMs: 0.5 });
  expect(await timer.wait()).toBe(1);
  timer.set({ atMs: timer.now() + 0.5 });
  expect(await timer.wait()).toBe(1);
  // A time that has passed, and no time at all, are now.
  timer.set({ atMs: timer.now() - 1000 });
  expect(await timer.wait()).toBe(1);
  timer.set({ afterMs: 0 });
  expect(await timer.wait()).toBe(1);
  expect(timer.read()).toBeUndefined();
});

test('an interval counts what was missed', async () => {
  const timer = open();
  timer.set({ afterMs: 0.1, everyMs: 0.1 });
  const started = timer.now();
  while (timer.now() - started < 2) {
    // The thread is busy, and the timer fires on.
  }
  expect(await timer.wait()).toBeGreaterThanOrEqual(19);
  expect(timer.remains().everyMs).toBe(0.1);
});

test('an iteration is told each time, until it is left', async () => {
  const timer = open();
  timer.set({ afterMs: 1, everyMs: 1 });
  let fired = 0;
  for await (const times of timer) {
    fired += times;
    if (fired >= 5) break;
  }
  const before = timer.clear();
  expect(before.everyMs).toBe(1);
  expect(timer.remains()).toEqual({ remainingMs: 0, everyMs: 0 });
});

test('setting tells what was left, to the nanosecond, and forgets what had fired', () => {
  const timer = open();
  timer.set({ afterMs: 3_600_000, everyMs: 0.000_001 });
  const left = timer.set({ afterMs: 0 });
  expect(left.everyMs).toBe(0.000_001);
  expect(left.remainingMs).toBeGreaterThan(3_590_000);
  expect(left.remainingMs).toBeLessThanOrEqual(3_600_000);
  timer.set({ afterMs: 1000.5 });
  expect(timer.read()).toBeUndefined();
});

test('a ring reads it', async () => {
  const timer = open({ nonblocking: false });
  const ring = openRing();
  const target = new BigUint64Array(1);
  const read = ring.read(timer, target);
  timer.set({ afterMs: 1 });
  expect(await read).toBe(8);
  expect(target[0]).toBe(1n);
});

/** Moves the real-time clock by a nanosecond (ADJ_SETOFFSET), and back. */
const SET_CLOCK = `
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
for seconds, nanoseconds in ((0, 1), (-1, 999999999)):
    timex = bytearray(208)
    struct.pack_into('i', timex, 0, 0x2100)
    struct.pack_into('qq', timex, 72, seconds, nanoseconds)
    if libc.adjtimex((ctypes.c_char * 208).from_buffer(timex)) < 0:
        sys.exit(77 if ctypes.get_errno() == 1 else 1)
`;

test('a clock that is set cancels who asked for it', async ({ skip }) => {
  const timer = open({ clock: 'realtime' });
  timer.set({ atMs: timer.now() + 3_600_000, cancelOnSet: true });
  const waiting = later(timer.wait());
  const { status } = spawnSync('python3', ['-c', SET_CLOCK]);
  skip(status === 77, 'setting the clock is not permitted here');
  expect(status).toBe(0);
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'read' });
  // It goes on, for the same time by the new clock.
  expect(timer.read()).toBeUndefined();
  expect(timer.remains().remainingMs).toBeGreaterThan(3_500_000);
});

test('wrong arguments are refused before any call', () => {
  const timer = open();
  expectRefusal(() => TimerFd.open({ clock: 'monotonik' as never }), VALUE, 'clock');
  expectRefusal(() => TimerFd.open({ nonBlocking: true } as never), VALUE, 'nonblocking');
  expectRefusal(() => timer.set({}), VALUE, 'afterMs');
  expectRefusal(() => timer.set({ afterMs: 1, atMs: 1 }), VALUE, 'afterMs');
  expect(() => timer.set({ afterMs: -1 })).toThrow(RangeError);
  expect(() => timer.set({ afterMs: Number.NaN })).toThrow(RangeError);
  expect(() => timer.set({ afterMs: 1, everyMs: Number.POSITIVE_INFINITY })).toThrow(RangeError);
  expectRefusal(() => timer.set({ afterMs: '1' as never }), TYPE, 'afterMs');
  expectRefusal(() => timer.set({ atMs: 1, cancelOnSet: true }), VALUE, 'cancelOnSet');
  timer.close();
  for (const call of [() => timer.set({ afterMs: 1 }), () => timer.remains(), () => timer.read()]) {
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  }
});

test('who may not wake the machine is told what it takes', () => {
  expect(hintFor('timerfd_create', 'EPERM')).toContain('CAP_WAKE_ALARM');
});
