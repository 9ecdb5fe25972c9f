/** Policies, niceness and the rest are set as asked and read back; refusals say which limit. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { EPERM, SYS_sched_setattr } from '../../lib/abi.js';
import {
  allowedCpus,
  getAffinity,
  getAutogroup,
  getIoPriority,
  getNice,
  getScheduler,
  getTimerSlack,
  gettid,
  type SchedulerOptions,
  setAffinity,
  setAutogroupNice,
  setIoPriority,
  setNice,
  setScheduler,
  setTimerSlack,
} from '../../lib/cpu/index.js';
import type { SystemError } from '../../lib/errors.js';
import '../../lib/hints.js';
import { evaluate } from '../support/nouring.js';
import { thrownBy } from '../support/thrown.js';

const root = process.geteuid?.() === 0;
const before = { nice: getNice(), io: getIoPriority(), slack: getTimerSlack() };

afterEach(() => {
  setScheduler({ policy: 'other', nice: before.nice });
  setIoPriority(before.io.class === 'none' ? { class: 'none' } : before.io);
  setTimerSlack(before.slack);
});

test
  .runIf(root)
  .each<SchedulerOptions>([
    { policy: 'batch', nice: 5 },
    { policy: 'idle' },
    { policy: 'fifo', priority: 3 },
    { policy: 'rr', priority: 1, resetOnFork: true },
    { policy: 'other', nice: -5 },
  ])('takes %j', (asked) => {
  setScheduler(asked);
  expect(getScheduler()).toMatchObject(asked);
  expect(getScheduler({ tid: gettid() })).toEqual(getScheduler());
});

test.runIf(root)('takes a deadline, unless the machine refuses it', () => {
  const asked = { runtimeNs: 1_000_000, deadlineNs: 20_000_000, periodNs: 100_000_000 };
  try {
    setScheduler({ policy: 'deadline', ...asked });
  } catch (error) {
    // A cpuset, or deadline threads of others: the hint must then say which.
    expect(error).toMatchObject({ syscall: 'sched_setattr' });
    expect((error as SystemError).code).toMatch(/^E(PERM|BUSY)$/);
    expect((error as SystemError).hint).toMatch(/every CPU of its root domain|shares of all/);
    return;
  }
  expect(getScheduler()).toMatchObject({ policy: 'deadline', ...asked, reclaim: false });
});

test.runIf(root && allowedCpus().size > 1)('a deadline thread must not be pinned', () => {
  const cpus = getAffinity();
  setAffinity(cpus.first ?? 0);
  try {
    const error = thrownBy(() =>
      setScheduler({ policy: 'deadline', runtimeNs: 1e6, deadlineNs: 1e8 }),
    ) as SystemError;
    expect(error.code).toBe('EPERM');
    expect(error.hint).toContain('free to run on every CPU');
  } finally {
    setAffinity(cpus);
  }
});

test.runIf(root)('clamps of utilisation, where the kernel has them', () => {
  try {
    setScheduler({ utilMin: 100, utilMax: 900 });
  } catch (error) {
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'sched_setattr' });
    return;
  }
  expect(getScheduler()).toMatchObject({ policy: 'other', utilMin: 100, utilMax: 900 });
  setScheduler({ utilMin: null, utilMax: null });
  expect(getScheduler()).toMatchObject({ utilMin: 0, utilMax: 1024 });
});

test.each<[SchedulerOptions, RegExp]>([
  [{}, /must have a policy/],
  [{ policy: 'fast' as never }, /must be one of 'other', 'fifo'/],
  [{ policy: 'fifo' }, /"scheduler.priority" property must be an integer/],
  [{ policy: 'fifo', priority: 100 }, /<= 99/],
  [{ policy: 'fifo', priority: 0 }, />= 1/],
  [{ policy: 'fifo', priority: 1, nice: 3 }, /policy 'fifo'" has no option "nice"/],
  [{ policy: 'other', nice: 20 }, /<= 19/],
  [{ policy: 'deadline', runtimeNs: 5e6 }, /scheduler.deadlineNs/],
  [{ policy: 'deadline', runtimeNs: 5e6, deadlineNs: 4e6 }, />= 5000000/],
  [{ policy: 'deadline', runtimeNs: 5e6, deadlineNs: 6e6, periodNs: 5e6 }, />= 6000000/],
  [{ utilMin: 1025 }, /<= 1024/],
  [{ nice: 3 }, /has no option "nice"/],
  [null as never, /must be an object/],
])('refuses %j before any call', (scheduler, words) => {
  expect(() => setScheduler(scheduler)).toThrow(words);
  expect(getScheduler().policy).toBe('other');
});

/** From an ordinary priority, whatever was inherited: a lower one needs no rights. */
const TRY = (call: string) => `
import * as cpu from 'nearmetal/cpu';
if (cpu.getNice() < 0) cpu.setNice(0);
let answer = 'granted';
try { cpu.${call}; } catch ({ code, syscall, hint }) { answer = { code, syscall, hint }; }
console.log(JSON.stringify(answer));`;

test.runIf(root).each([
  ["setScheduler({ policy: 'fifo', priority: 7 })", 'sched_setattr', /RLIMIT_RTPRIO >= 7 \(now \d/],
  [
    "setScheduler({ policy: 'deadline', runtimeNs: 1e6, deadlineNs: 1e8 })",
    'sched_setattr',
    /needs CAP_SYS_NICE, which no limit replaces/,
  ],
  ["setScheduler({ policy: 'other', nice: -3 })", 'sched_setattr', /RLIMIT_NICE >= 23 \(now \d/],
  ['setNice(-3)', 'setpriority', /RLIMIT_NICE >= 23 \(now \d+\): `ulimit -e 23`/],
  ["setIoPriority({ class: 'realtime' })", 'ioprio_set', /CAP_SYS_ADMIN or CAP_SYS_NICE/],
  [`setNice(3, { tid: ${process.pid} })`, 'setpriority', /belongs to another user/],
  [`setScheduler({ policy: 'idle' }, { tid: ${process.pid} })`, 'sched_setattr', /another user/],
])('the user nobody may not %s', (call, syscall, hint) => {
  const answer = evaluate(TRY(call), { nobody: true }) as SystemError;
  expect(answer).toMatchObject({ syscall });
  expect(answer.code).toMatch(/^E(PERM|ACCES)$/);
  expect(answer.hint).toMatch(hint);
});

test.runIf(root)('a seccomp filter that refuses scheduling', () => {
  const answer = evaluate(TRY("setScheduler({ policy: 'idle' })"), {
    refuse: { calls: [SYS_sched_setattr], errno: EPERM },
  }) as SystemError;
  expect(answer).toMatchObject({ code: 'EPERM', syscall: 'sched_setattr' });
  expect(answer.hint).toMatch(/^seccomp blocks sched_setattr/);
});

test.runIf(root)('nice of one thread', () => {
  setNice(7);
  expect(getNice()).toBe(7);
  expect(getScheduler().nice).toBe(7);
  setNice(-4, { tid: gettid() });
  expect(getNice({ tid: gettid() })).toBe(-4);
  expect(() => setNice(20)).toThrow(/"nice"/);
});

test.runIf(root)('the priority of its reads and writes', () => {
  setIoPriority({ class: 'best-effort', level: 1 });
  expect(getIoPriority()).toEqual({ class: 'best-effort', level: 1 });
  setIoPriority({ class: 'idle' });
  expect(getIoPriority({ tid: gettid() }).class).toBe('idle');
  setIoPriority({ class: 'realtime' });
  expect(getIoPriority()).toEqual({ class: 'realtime', level: 4 });
  expect(() => setIoPriority({ class: 'idle', level: 3 })).toThrow(/priority\.level/);
  expect(() => setIoPriority({ class: 'best-effort', level: 8 })).toThrow(/<= 7/);
  expect(() => setIoPriority({ class: 'now' as never })).toThrow(/must be one of/);
});

test('how late a timer may be', () => {
  setTimerSlack(1_000);
  expect(getTimerSlack()).toBe(1_000);
  if (root) {
    setTimerSlack(70_000, { tid: gettid() });
    expect(getTimerSlack({ tid: gettid() })).toBe(70_000);
  }
  expect(() => setTimerSlack(-1)).toThrow(/"nanoseconds"/);
  const gone = thrownBy(() => getTimerSlack({ tid: 2 ** 31 - 1 }));
  expect(gone).toMatchObject({ code: 'ENOENT', syscall: 'open' });
});

test('the autogroup of the session', () => {
  const found = getAutogroup();
  const text = (() => {
    try {
      return readFileSync('/proc/self/autogroup', 'utf8');
    } catch {
      return undefined;
    }
  })();
  if (text === undefined) {
    expect(found).toBeUndefined();
    expect(thrownBy(() => setAutogroupNice(0))).toMatchObject({ code: 'ENOENT' });
    return;
  }
  if (text === '') {
    // A session that began while autogroups were off, or a task in a cgroup of its own: the kernel
    // shows nothing.
    expect(found).toBeUndefined();
    return;
  }
  expect(text).toBe(`/autogroup-${found?.id} nice ${found?.nice}\n`);
  if (root) setAutogroupNice(found?.nice ?? 0);
  expect(getAutogroup()).toEqual(found);
});

test.each([
  [() => getScheduler({ tid: 2 ** 31 - 1 })],
  [() => setScheduler({ policy: 'idle' }, { tid: 2 ** 31 - 1 })],
  [() => getNice({ tid: 2 ** 31 - 1 })],
  [() => setNice(1, { tid: 2 ** 31 - 1 })],
  [() => getIoPriority({ tid: 2 ** 31 - 1 })],
  [() => setIoPriority({ class: 'idle' }, { tid: 2 ** 31 - 1 })],
])('a thread that does not exist: %s', (call) => {
  const error = thrownBy(call) as SystemError;
  expect(error.code).toBe('ESRCH');
  expect(error.hint).toContain('no thread has the id 2147483647');
});
