/** Counters count what happened; what cannot be counted says why. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EPERM, SYS_perf_event_open } from '../../lib/abi.js';
import { gettid, PerfCounters, type PerfEvent, perfSupport } from '../../lib/cpu/index.js';
import type { SystemError } from '../../lib/errors.js';
import { hintFor } from '../../lib/hints.js';
import { evaluate } from '../support/nouring.js';
import { thrownBy } from '../support/thrown.js';

const root = process.geteuid?.() === 0;
const support = perfSupport();
const canCount = support['page-faults'].supported;
const canCountSwitches = canCount && root;

/** Touches that many pages for the first time. */
function fault(pages: number): void {
  const bytes = new Uint8Array(pages * 4096);
  for (let at = 0; at < bytes.length; at += 4096) bytes[at] = 1;
}

const descriptors = () => readdirSync('/proc/self/fd').length;

test.runIf(canCount)('page faults are counted, and only between start and stop', () => {
  using counters = PerfCounters.open({ events: ['page-faults', 'minor-faults', 'task-clock'] });
  fault(2000);
  expect(counters.read().counts['page-faults']).toBe(0);
  counters.start();
  fault(4000);
  counters.stop();
  const { counts, share, multiplexed, enabledNs } = counters.read();
  expect(counts['page-faults']).toBeGreaterThanOrEqual(1000);
  expect(counts['minor-faults']).toBe(counts['page-faults']);
  expect(counts['task-clock']).toBeGreaterThan(0);
  expect([share, multiplexed]).toEqual([1, false]);
  expect(enabledNs).toBeGreaterThan(0);
  fault(2000);
  expect(counters.read().counts).toEqual(counts);
  counters.reset();
  expect(counters.read().counts['page-faults']).toBe(0);
});

test.runIf(canCountSwitches)('switches and migrations are counted in the kernel', async () => {
  using counters = PerfCounters.open({ events: ['context-switches', 'cpu-migrations'] });
  counters.start();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  counters.stop();
  expect(counters.read().counts['context-switches']).toBeGreaterThanOrEqual(10);
});

test.runIf(canCount)('each by itself, for any thread of ours', () => {
  const events: PerfEvent[] = ['page-faults', 'task-clock'];
  const { counts } = PerfCounters.measure({ events, grouped: false, tid: gettid() }, () =>
    fault(4000),
  );
  expect(counts['page-faults']).toBeGreaterThanOrEqual(1000);
  expect(Object.keys(counts)).toEqual(events);
});

test('hardware that is not there says so, or counts', () => {
  const { supported, reason } = support.cycles;
  if (supported) {
    const { counts } = PerfCounters.measure({ events: ['cycles', 'instructions'] }, () =>
      fault(10),
    );
    expect(counts.cycles).toBeGreaterThan(0);
    return;
  }
  expect(reason).toMatch(/cannot count cycles|perf_event_paranoid|seccomp|forbidden/);
  const error = thrownBy(() => PerfCounters.open({ events: ['page-faults', 'cycles'] }));
  expect(error).toMatchObject({ syscall: 'perf_event_open' });
  using counters = PerfCounters.open({ events: ['cycles', 'page-faults'], missing: 'skip' });
  expect(counters.missing.get('cycles')).toMatchObject({ code: (error as SystemError).code });
  if (canCount) expect(counters.events).toEqual(['page-faults']);
});

test('nothing stays open after a failure or a close', () => {
  const before = descriptors();
  for (let turn = 0; turn < 50; turn++) {
    PerfCounters.open({ events: ['page-faults', 'cycles'], missing: 'skip' }).close();
    try {
      PerfCounters.open({ events: ['page-faults', 'cycles', 'llc-misses'] }).close();
    } catch {
      // No such counters here.
    }
  }
  expect(descriptors()).toBe(before);
  const counters = PerfCounters.open({ events: ['page-faults', 'cycles'], missing: 'skip' });
  counters.close();
  counters.close();
  if (counters.events.length > 0) {
    expect(thrownBy(() => counters.read())).toMatchObject({ code: 'EBADF', syscall: 'read' });
  }
});

test('refused by seccomp', () => {
  const said = evaluate(
    `import { perfSupport } from 'nearmetal/cpu';
    console.log(JSON.stringify(perfSupport()['page-faults']));`,
    { refuse: { calls: [SYS_perf_event_open], errno: EPERM } },
  );
  expect(said).toMatchObject({ supported: false });
  expect((said as { reason: string }).reason).toMatch(/seccomp|perf_event_paranoid/);
});

test.runIf(root)('the user nobody: the kernel is not counted at paranoid 2', () => {
  const paranoid = evaluate(
    `import { readFileSync } from 'node:fs';
    console.log(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8'));`,
  );
  const said = evaluate(
    `import { PerfCounters } from 'nearmetal/cpu';
    let answer = 'granted';
    try { PerfCounters.open({ events: ['page-faults'], kernel: true }); }
    catch ({ code, hint }) { answer = { code, hint }; }
    console.log(JSON.stringify(answer));`,
    { nobody: true },
  );
  if (Number(paranoid) < 2) expect(said).toBe('granted');
  else expect((said as SystemError).hint).toMatch(/kernel\.perf_event_paranoid is \d.*CAP_PERFMON/);
});

test('hints: the sysctl, the capability, the virtual machine', () => {
  const reader = (files: Record<string, string>) => ({
    text: (path: string) => files[path],
    names: () => [],
  });
  const paranoid = '/proc/sys/kernel/perf_event_paranoid';
  const status = { '/proc/self/status': 'CapEff:\t0000000000000000\nSeccomp:\t0\n' };
  const ask = (code: string, files: Record<string, string>, facts = {}) =>
    hintFor('perf_event_open', code, facts, reader({ ...status, ...files }));
  expect(ask('EACCES', { [paranoid]: '3\n' })).toContain('is 3, nobody may count');
  expect(ask('EACCES', { [paranoid]: '2\n' }, { kernel: true })).toContain('`kernel: false`');
  const docker = { '/proc/self/status': 'CapEff:\t0\nSeccomp:\t2\n' };
  expect(ask('EPERM', { [paranoid]: '1\n', ...docker })).toContain('--cap-add PERFMON');
  const guest = { '/proc/cpuinfo': 'flags\t\t: fpu hypervisor lm\n' };
  expect(ask('ENOENT', guest, { event: 'cycles' })).toContain('virtual machine');
  expect(ask('ENOENT', {}, { event: 'cycles' })).toMatch(/^this CPU.*cannot count cycles/);
  expect(ask('EINVAL', {}, { event: 'cycles' })).toContain('fewer events at once');
});

test.each([
  [{}, /options\.events/],
  [{ events: [] }, /must name events/],
  [{ events: ['cycles', 'cycles'] }, /each once/],
  [{ events: ['heat'] }, /must be one of/],
  [{ events: ['cycles'], user: false }, /must be true, or kernel must/],
  [{ events: ['cycles'], cpu: -1 }, /options\.cpu/],
  [{ events: ['cycles'], tid: 0 }, /options\.tid/],
  [{ events: ['cycles'], group: true }, /no option "group"/],
])('refuses %j before any call', (options, words) => {
  expect(() => PerfCounters.open(options as never)).toThrow(words);
});

test('a thread that does not exist', () => {
  const error = thrownBy(() => PerfCounters.open({ events: ['page-faults'], tid: 2 ** 31 - 1 }));
  expect((error as SystemError).code).toMatch(/^E(SRCH|PERM|ACCES)$/);
});
