/**
 * Runs the contract of the two backends, and `doctor`, where much is refused:
 * `test-confined.mjs [CIRCUMSTANCE...] [-- PART...]`, as root. Writes
 * test/results/confined-NAME.json and docs/confined.md. Ends with 1 when a test failed.
 *
 * Those of `kernel.io_uring_disabled` change a setting of the whole machine while they run.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readWords, runVersions } from './kernels/suite.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const IO_URING = ['425', '426', '427'];
/** mbind, get_mempolicy, set_mempolicy, migrate_pages, move_pages: what Docker refuses. */
const NUMA =
  process.arch === 'arm64'
    ? ['235', '236', '237', '238', '239']
    : ['237', '239', '238', '256', '279'];
const EPERM = '1';
const ENOSYS = '38';
const DISABLED = '/proc/sys/kernel/io_uring_disabled';

const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const limited = (limit) => ['prlimit', limit, ...nobody];
const refused = (error, calls) => ['build/nouring', error, ...calls, '--'];
/** Runs a command of the shell first, in a mount namespace of its own. */
const mounted = (command) => ['unshare', '-m', 'sh', '-c', `${command} && exec "$@"`, 'sh'];
const readOnly = (path) => `mount --bind ${path} ${path} && mount -o remount,bind,ro ${path}`;

/** What goes before the command. */
const circumstances = {
  root: [],
  nobody,
  'memlock-64KiB': limited('--memlock=65536:65536'),
  'memlock-0': limited('--memlock=0:0'),
  'nofile-512': limited('--nofile=512:512'),
  // As of nofile-512, but while tests run there are no more: Node imports the files of the suite,
  // which are many, all at once.
  'nofile-64': ['env', 'SUITE_NOFILE=64', ...limited('--nofile=512:512')],
  'seccomp-EPERM': refused(EPERM, [...IO_URING, ...NUMA]),
  'seccomp-ENOSYS': refused(ENOSYS, [...IO_URING, ...NUMA]),
  'proc-and-sys-read-only': mounted(`${readOnly('/proc')} && ${readOnly('/sys')}`),
  'no-sys': mounted('mount -t tmpfs none /sys'),
  'no-proc': mounted('mount -t tmpfs none /proc'),
  'memory-512MiB': inCgroup('memory', { 'memory.limit_in_bytes': 512 * 2 ** 20 }),
  'half-a-CPU': inCgroup('cpu', { 'cpu.cfs_period_us': 100_000, 'cpu.cfs_quota_us': 50_000 }),
  'io_uring_disabled-1': nobody,
  'io_uring_disabled-2': nobody,
};

/** A control group of version 1, made when it is wanted. */
function inCgroup(controller, settings) {
  const group = join('/sys/fs/cgroup', controller, 'nearmetal-test');
  const enter = `echo $$ > ${group}/cgroup.procs && exec "$@"`;
  return Object.assign(['sh', '-c', enter, 'sh'], { group, settings });
}

/** Runs `body` where the machine's own settings are those of circumstance `name`. */
function set(name, { group, settings }, body) {
  const [, value] = /^io_uring_disabled-(\d)$/.exec(name) ?? [];
  const before = value === undefined ? undefined : readFileSync(DISABLED, 'utf8');
  if (group !== undefined) {
    mkdirSync(group, { recursive: true });
    for (const [file, each] of Object.entries(settings))
      writeFileSync(join(group, file), `${each}`);
  }
  try {
    if (value !== undefined) writeFileSync(DISABLED, value);
    return body();
  } finally {
    if (before !== undefined) writeFileSync(DISABLED, before);
    if (group !== undefined) rmdirSync(group);
  }
}

function printed(name, folder, parts) {
  const before = circumstances[name];
  if (before === undefined) {
    throw new Error(`no such circumstance; there are: ${Object.keys(circumstances).join(', ')}`);
  }
  // For a user who is not its owner.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o1777);
  const run = (...words) => {
    const [program, ...rest] = [...before, process.execPath, ...words];
    const { stdout } = spawnSync(program, rest, {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, GUEST_PROCESSES: '2', HOME: join(folder, 'tmp') },
    });
    return stdout ?? '';
  };
  return set(name, before, () => {
    const { ioUring, backend } = JSON.parse(run('dist/cli.js', 'doctor', '--json'));
    return [
      ...run('scripts/kernels/facts.mjs').split('\n'),
      `DOCTOR ${JSON.stringify({ ...ioUring, backend })}`,
      ...run('scripts/kernels/run-suite.mjs', ...parts).split('\n'),
    ];
  });
}

const asked = readWords(Object.keys(circumstances), ['test/contract']);
await runVersions('confined', asked, printed, (name, { passed, failed, skipped }) => {
  const left = Object.values(skipped).reduce((sum, count) => sum + count, 0);
  return `${name}: ${passed} passed, ${left} skipped by name, ${failed.length} failed`;
});
