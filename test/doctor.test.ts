/** The doctor reports whatever can be read, for people and for machines, and breaks on nothing. */
import { expect, test } from 'vitest';
import { EPERM } from '../lib/abi.js';
import { render } from '../lib/cli/doctor.js';
import { type Asked, collect, type Report } from '../lib/cli/report.js';
import { parseList, readCgroup } from '../lib/proc/machine.js';
import type { Reader } from '../lib/proc/read.js';
import { needs } from './support/needs.js';
import { type Circumstances, IO_URING_CALLS, runNode } from './support/nouring.js';

const nearmetal = (words: string[], circumstances?: Circumstances) =>
  runNode(['dist/cli.js', ...words], circumstances);

const files = (contents: Record<string, string>): Reader => ({
  text: (path) => contents[path],
  names: () => [],
});
const NONE = files({});
const RINGS: Asked = { ioUring: { available: true, families: {} } };

test('the page has every section', () => {
  const { stdout } = nearmetal(['doctor']);
  for (const title of ['System', 'io_uring', 'Confinement', 'Limits', 'Memory', 'CPUs']) {
    expect(stdout).toMatch(new RegExp(`^${title}$`, 'm'));
  }
  expect(stdout).not.toMatch(/undefined|NaN|\[object/);
});

test('nothing is coloured when nobody looks on', () => {
  const { stdout } = nearmetal(['doctor'], { env: { NO_COLOR: '' } });
  expect(stdout.includes('\u001b')).toBe(false);
});

test('--json is one object with the same content', () => {
  const { stdout, status } = nearmetal(['doctor', '--json']);
  const report = JSON.parse(stdout) as Report;
  expect(report.system.node).toBe(process.version);
  expect(report.ioUring.available).toBe(status === 0);
  expect(Object.keys(report.ioUring.families)).toEqual([
    'op',
    'setup',
    'register',
    'ring',
    'syscall',
  ]);
  expect(Object.keys(report)).toEqual([
    'system',
    'ioUring',
    'backend',
    'confinement',
    'limits',
    'hugepages',
    'transparentHugepages',
    'numa',
    'cpus',
    'cgroup',
  ]);
});

test('refused by seccomp: why, what to type, and a status for scripts', () => {
  const { stdout, status } = nearmetal(['doctor'], {
    refuse: { calls: IO_URING_CALLS, errno: EPERM },
  });
  expect(status).toBe(1);
  expect(stdout).toMatch(/✗ rings +off \(seccomp\)\n +why +seccomp blocks.*\n +type .*seccomp=/);
  expect(stdout).toMatch(/seccomp +filter/);
});

test('switched off: the variable is shown', () => {
  const { stdout } = nearmetal(['doctor'], { env: { NEARMETAL_DISABLE: 'io_uring' } });
  expect(stdout).toMatch(/off \(disabled\)/);
  expect(stdout).toMatch(/✗ NEARMETAL_DISABLE +io_uring/);
});

test('no room for a ring of an event loop: epoll, and why', () => {
  needs('root', 'linux:6.14', 'op:SEND_ZC');
  const { stdout } = nearmetal(['doctor'], { memlock: 65_536, nobody: true });
  expect(stdout).toMatch(/· backend +epoll/);
  // What counts is all that this user holds: there may be no room for any ring.
  expect(stdout).toMatch(/why +(io_uring has no room: )?RLIMIT_MEMLOCK is 64 KiB/);
});

test('an event loop that cannot be opened is an entry of its own', () => {
  const why = 'epoll_create1: too many open files';
  const page = render(
    collect({ ...RINGS, backend: { name: undefined, why, hint: 'h' } }, NONE),
    false,
  );
  expect(page).toMatch(/✗ backend +none can be opened\n +why +epoll_create1.*\n +type h/);
});

test('without an addon the rest is still reported', () => {
  const { stdout, status } = nearmetal(['doctor'], { env: { NEARMETAL_ADDON: '/nowhere.node' } });
  expect(status).toBe(1);
  expect(stdout).toMatch(/✗ addon +not loaded/);
  expect(stdout).toMatch(/type .*npm rebuild nearmetal/);
  expect(stdout).toMatch(/^Limits$/m);
});

test('/proc and /sys that cannot be read leave gaps, not an error', () => {
  const report = collect(RINGS, NONE);
  const page = render(report, false);
  expect(page).toContain('cannot be read');
  expect(page).not.toMatch(/undefined|NaN|Infinity/);
  expect(JSON.parse(JSON.stringify(report)).cgroup.version).toBe(0);
});

test('what is off says what to type', () => {
  const page = render(
    collect(
      RINGS,
      files({
        '/proc/sys/kernel/io_uring_disabled': '2\n',
        '/sys/kernel/mm/transparent_hugepage/enabled': 'always madvise [never]\n',
        '/proc/self/status': 'Seccomp:\t0\nCapEff:\t0000000000000000\n',
        '/proc/self/limits':
          'Max locked memory   65536   65536   bytes\nMax open files   1024   4096   files\n',
      }),
    ),
    false,
  );
  expect(page).toContain('sysctl -w kernel.io_uring_disabled=0');
  expect(page).toContain('echo madvise > /sys/kernel/mm/transparent_hugepage/enabled');
  expect(page).toContain('memlock                   64 KiB');
  expect(page).toContain('ulimit -n 65536');
});

test('the cgroup: the smallest quota on the way to the root counts', () => {
  const second = files({
    '/proc/self/cgroup': '0::/a/b\n',
    '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
    '/sys/fs/cgroup/a/cpu.max': '150000 100000\n',
    '/sys/fs/cgroup/cpu.max': '400000 100000\n',
    '/sys/fs/cgroup/a/memory.max': '1048576\n',
  });
  expect(readCgroup(second)).toEqual({
    version: 2,
    path: '/a/b',
    cpuQuota: 1.5,
    memoryMax: 1048576,
  });
  const first = files({
    '/proc/self/cgroup': '5:cpu,cpuacct:/x\n1:name=systemd:/\n',
    '/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us': '50000',
    '/sys/fs/cgroup/cpu/x/cpu.cfs_period_us': '100000',
  });
  expect(readCgroup(first)).toMatchObject({ version: 1, path: '/x', cpuQuota: 0.5 });
  expect(parseList('0-3,8')).toEqual([0, 1, 2, 3, 8]);
  expect(parseList('')).toEqual([]);
});

test('help is help, and what is not known is refused', () => {
  for (const words of [['--help'], ['-h'], ['help'], ['doctor', '--help']]) {
    const { status, stdout } = nearmetal(words);
    expect([words, status]).toEqual([words, 0]);
    expect(stdout).toContain('Usage: nearmetal');
  }
  for (const words of [[], ['docter'], ['constructor'], ['doctor', '--jsn']]) {
    const { status, stdout, stderr } = nearmetal(words);
    expect([words, status, stdout]).toEqual([words, 2, '']);
    expect(stderr).toContain('Usage: nearmetal');
  }
});
