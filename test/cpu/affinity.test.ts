/** Affinity is set exactly or refused, for any thread; each refusal says what would be allowed. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { EPERM, SYS_sched_getaffinity, SYS_sched_setaffinity } from '../../lib/abi.js';
import {
  allowedCpus,
  CpuSet,
  getAffinity,
  getcpu,
  gettid,
  setAffinity,
} from '../../lib/cpu/index.js';
import type { SystemError } from '../../lib/errors.js';
import '../../lib/hints.js';
import { native } from '../../lib/native.js';
import { evaluate } from '../support/nouring.js';
import { thrownBy } from '../support/thrown.js';

const before = getAffinity();
afterEach(() => setAffinity(before));

const one = before.first ?? 0;
const online = CpuSet.parse(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
const absent = (online.last ?? 0) + 1;
const root = process.geteuid?.() === 0;

test('this thread runs where it was told to, and nowhere else', () => {
  for (const cpu of before) {
    setAffinity(cpu);
    expect(getAffinity().toArray()).toEqual([cpu]);
    expect(getcpu().cpu).toBe(cpu);
  }
  setAffinity(before);
  expect(getAffinity().equals(before)).toBe(true);
});

test('any thread by its id', () => {
  setAffinity([one], { tid: gettid() });
  expect(`${getAffinity({ tid: gettid() })}`).toBe(`${one}`);
  expect(readFileSync('/proc/thread-self/status', 'utf8')).toMatch(
    new RegExp(`^Cpus_allowed_list:\\s+${one}$`, 'm'),
  );
});

test('a CPU that is not there is refused, and the hint names those that are', () => {
  const error = thrownBy(() => setAffinity(absent)) as SystemError;
  expect(error).toMatchObject({ code: 'EINVAL', syscall: 'sched_setaffinity' });
  expect(error.hint).toContain(`CPU ${absent} is not`);
  expect(error.hint).toContain(`${before}`);
});

test('a set of which the kernel would give a part is refused, and nothing changes', () => {
  const error = thrownBy(() => setAffinity([one, absent, 5000])) as SystemError;
  expect(error).toMatchObject({ code: 'EINVAL', syscall: 'sched_setaffinity' });
  expect(error.hint).toContain(`CPU ${absent},5000 is not`);
  expect(getAffinity().equals(before)).toBe(true);
});

test.runIf(native.seam)('no more system calls than it takes to be exact', () => {
  const callsOf = (action: () => void): [get: number, set: number] => {
    native.seam?.reset();
    action();
    const calls = (number: number) => native.seam?.calls(number) ?? 0;
    return [calls(SYS_sched_getaffinity), calls(SYS_sched_setaffinity)];
  };
  expect(callsOf(() => setAffinity(one))).toEqual([0, 1]);
  expect(callsOf(() => setAffinity(before))).toEqual(before.size > 1 ? [2, 1] : [0, 1]);
  expect(callsOf(() => setAffinity(before))).toEqual(before.size > 1 ? [1, 1] : [0, 1]);
  expect(callsOf(() => getAffinity())).toEqual([1, 0]);
  // Refused as a whole, put back.
  expect(callsOf(() => thrownBy(() => setAffinity([one, absent])))).toEqual([2, 2]);
});

test('what is found twice is the same set, and never an old one', () => {
  expect(getAffinity()).toBe(getAffinity());
  for (const cpu of before) {
    setAffinity(cpu);
    expect(getAffinity().toArray()).toEqual([cpu]);
    setAffinity(before);
    expect(getAffinity().toArray()).toEqual(before.toArray());
  }
});

test('what cannot be a set is refused before any call', () => {
  expect(() => setAffinity([])).toThrow(/at least one CPU/);
  expect(() => setAffinity('')).toThrow(/at least one CPU/);
  expect(() => setAffinity('all')).toThrow(/list format/);
  expect(() => setAffinity(null as never)).toThrow(TypeError);
  expect(() => setAffinity(one, { thread: 1 } as never)).toThrow(/no option "thread"/);
  for (const tid of [0, -1, 1.5, Number.NaN, 2 ** 31, '1']) {
    expect(() => getAffinity({ tid: tid as number })).toThrow(/options\.tid/);
  }
});

test('a thread that does not exist', () => {
  const gone = 2 ** 31 - 1;
  for (const call of [() => setAffinity(one, { tid: gone }), () => getAffinity({ tid: gone })]) {
    const error = thrownBy(call) as SystemError;
    expect(error.code).toBe('ESRCH');
    expect(error.hint).toContain(`no thread has the id ${gone}`);
  }
});

const PIN = `
import { setAffinity, getAffinity } from 'nearmetal/cpu';
let answer = 'moved';
try { setAffinity(getAffinity(), TID); }
catch ({ code, syscall, hint }) { answer = { code, syscall, hint }; }
console.log(JSON.stringify(answer));`;

test.runIf(root)('a thread of another user', () => {
  const source = PIN.replace('TID', JSON.stringify({ tid: process.pid }));
  const answer = evaluate(source, { nobody: true });
  expect(answer).toMatchObject({ code: 'EPERM', syscall: 'sched_setaffinity' });
  expect((answer as SystemError).hint).toMatch(
    new RegExp(`thread ${process.pid} belongs to another user.*CAP_SYS_NICE`),
  );
});

test('a seccomp filter that refuses it', () => {
  const answer = evaluate(PIN.replace('TID', '{}'), {
    refuse: { calls: [SYS_sched_setaffinity], errno: EPERM },
  });
  expect(answer).toMatchObject({ code: 'EPERM', syscall: 'sched_setaffinity' });
  expect((answer as SystemError).hint).toMatch(/^seccomp blocks sched_setaffinity/);
});

test('what is allowed is what the process began with, whatever was narrowed since', () => {
  const allowed = allowedCpus();
  setAffinity(one);
  expect(allowedCpus().equals(allowed)).toBe(true);
  expect(before.isSubsetOf(allowed)).toBe(true);
  const source = `
    import { allowedCpus } from 'nearmetal/cpu';
    console.log(JSON.stringify(allowedCpus()));`;
  expect(evaluate(source)).toBe(`${one}`);
});

/** Version 1 of cgroups, where this machine has it and lets us. */
const legacy = '/sys/fs/cgroup/cpuset';
function canMakeCpuset(): boolean {
  try {
    mkdirSync(`${legacy}/nearmetal-probe-${process.pid}`);
    rmdirSync(`${legacy}/nearmetal-probe-${process.pid}`);
    return online.size > 1;
  } catch {
    return false;
  }
}

test.runIf(canMakeCpuset())('a cpuset that shrinks under a pinned process', () => {
  const folder = `${legacy}/nearmetal-${process.pid}`;
  const [first = 0, second = 1] = online;
  mkdirSync(folder);
  try {
    writeFileSync(`${folder}/cpuset.mems`, '0');
    writeFileSync(`${folder}/cpuset.cpus`, `${first},${second}`);
    const answer = evaluate(`
      import { writeFileSync } from 'node:fs';
      import { allowedCpus, getAffinity, setAffinity } from 'nearmetal/cpu';
      writeFileSync('${folder}/tasks', String(process.pid));
      setAffinity('${first},${second}');
      const before = String(allowedCpus());
      writeFileSync('${folder}/cpuset.cpus', '${first}');
      const now = String(getAffinity());
      let refused;
      try { setAffinity(${second}); } catch ({ code, hint }) { refused = { code, hint }; }
      let part;
      try { setAffinity('${first},${second}'); } catch ({ code }) { part = code; }
      console.log(JSON.stringify({ before, now, refused, part, allowed: allowedCpus() }));`);
    expect(answer).toMatchObject({
      before: `${first}${second === first + 1 ? '-' : ','}${second}`,
      now: `${first}`,
      refused: { code: 'EINVAL' },
      part: 'EINVAL',
      allowed: `${first}`,
    });
    expect((answer as { refused: SystemError }).refused.hint).toContain(
      `CPU ${second} is not in this process's allowed set ${first} (cgroup cpuset or taskset)`,
    );
  } finally {
    rmdirSync(folder);
  }
});
