/** Each hint states what it found and what to type; /proc and /sys are made up here. */
import { expect, test } from 'vitest';
import * as abi from '../lib/abi.js';
import { hintFor, warnOfBacklog } from '../lib/hints.js';
import { kernel } from '../lib/kernel.js';
import type { Reader } from '../lib/proc/read.js';
import { warnings } from './support/warnings.js';

/** A /proc and /sys that hold these files and nothing else. */
function having(files: Record<string, string>): Reader {
  return {
    text: (path) => files[path],
    names: (path) => [
      ...new Set(
        Object.keys(files)
          .filter((file) => file.startsWith(`${path}/`))
          .map((file) => file.slice(path.length + 1).split('/')[0] ?? ''),
      ),
    ],
  };
}

const NOTHING = having({});
const DISABLED = '/proc/sys/kernel/io_uring_disabled';
const status = (fields: Record<string, string>) => ({
  '/proc/thread-self/status': Object.entries(fields)
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join(''),
});
const limits = (name: string, soft: string, hard = soft) => ({
  '/proc/self/limits': `Limit  Soft  Hard  Units\n${name}   ${soft}   ${hard}   units\n`,
});
const UNPRIVILEGED = status({ CapEff: '0000000000000000', Seccomp: '0' });

test('io_uring_setup EPERM: the sysctl first, then the group, then seccomp, then a module', () => {
  const ask = (files: Record<string, string>) =>
    hintFor('io_uring_setup', 'EPERM', {}, having(files));
  expect(ask({ [DISABLED]: '2\n', ...status({ Seccomp: '2' }) })).toMatch(
    /kernel\.io_uring_disabled is 2.*`sysctl -w kernel\.io_uring_disabled=0`/,
  );
  const group = { '/proc/sys/kernel/io_uring_group': '1234\n' };
  const outside = status({ CapEff: '0', Seccomp: '0', Gid: '100 100 100 100', Groups: '5 6' });
  expect(ask({ [DISABLED]: '1\n', ...group, ...outside })).toMatch(/is 1.*io_uring_group.*1234/);
  const inside = status({ CapEff: '0', Seccomp: '2', Gid: '100 100 100 100', Groups: '5 1234' });
  expect(ask({ [DISABLED]: '1\n', ...group, ...inside })).toMatch(/seccomp/);
  expect(ask({ [DISABLED]: '0\n', ...status({ Seccomp: '2' }) })).toMatch(
    /seccomp blocks io_uring_setup.*Docker.*--security-opt seccomp=/,
  );
  expect(ask({ [DISABLED]: '0\n', ...status({ Seccomp: '0' }) })).toMatch(/security module/);
});

test('io_uring_setup ENOSYS: seccomp where the kernel has it, else the kernel', () => {
  const ask = (files: Record<string, string>) =>
    hintFor('io_uring_setup', 'ENOSYS', {}, having(files));
  expect(ask({ [DISABLED]: '0', ...status({ Seccomp: '2' }) })).toMatch(/seccomp answers ENOSYS/);
  expect(ask(status({ Seccomp: '0' }))).toMatch(/without CONFIG_IO_URING: boot a kernel/);
  expect(ask(status({ Seccomp: '2' }))).toMatch(/CONFIG_IO_URING, or seccomp answers ENOSYS/);
});

test('io_uring_setup EINVAL: the flag that does not fit', () => {
  const ask = (flags: number) => hintFor('io_uring_setup', 'EINVAL', { flags }, NOTHING);
  expect(ask(abi.IORING_SETUP_DEFER_TASKRUN)).toContain('needs IORING_SETUP_SINGLE_ISSUER');
  expect(ask(abi.IORING_SETUP_SQ_AFF)).toContain('needs IORING_SETUP_SQPOLL');
  expect(ask(abi.IORING_SETUP_SQPOLL | abi.IORING_SETUP_COOP_TASKRUN)).toContain('excludes');
  if (!kernel.atLeast('7.0')) {
    expect(ask(abi.IORING_SETUP_SQ_REWIND)).toContain(`needs Linux 7.0, this is ${kernel.release}`);
  }
});

test('ENOMEM of rings and registrations: RLIMIT_MEMLOCK with its value, unless lifted', () => {
  const files = { ...UNPRIVILEGED, ...limits('Max locked memory', '8388608') };
  for (const call of ['io_uring_setup', 'io_uring_register', 'mlock', 'mlock2']) {
    const hint = hintFor(call, 'ENOMEM', { bytes: 16 * 2 ** 20 }, having(files));
    expect(hint).toMatch(/RLIMIT_MEMLOCK is 8 MiB.*`ulimit -l.*LimitMEMLOCK=/);
    if (call !== 'io_uring_setup') expect(hint).toContain('16 MiB');
  }
  const lifted = { ...status({ CapEff: '0000000000004000' }), ...limits('Max locked memory', '1') };
  expect(hintFor('mlock', 'ENOMEM', {}, having(lifted))).toContain('RLIMIT_MEMLOCK does not bind');
  expect(hintFor('mlock', 'EPERM', {}, having(files))).toMatch(/CAP_IPC_LOCK.*8 MiB/);
});

test('mmap ENOMEM with MAP_HUGETLB: the pool of that size', () => {
  const pool = '/sys/kernel/mm/hugepages/hugepages-2048kB';
  const files = {
    [`${pool}/nr_hugepages`]: '4\n',
    [`${pool}/free_hugepages`]: '3\n',
    [`${pool}/resv_hugepages`]: '1\n',
    '/proc/meminfo': 'Hugepagesize:       2048 kB\n',
  };
  const huge = { flags: abi.MAP_HUGETLB | abi.MAP_HUGE_2MB, bytes: 20 * 2 ** 20 };
  expect(hintFor('mmap', 'ENOMEM', huge, having(files))).toBe(
    '2 of 4 hugepages of 2 MiB are free, 10 wanted: `sysctl -w vm.nr_hugepages=12` (as root), ' +
      "or `orElse: 'transparent'`",
  );
  const bySize = { flags: abi.MAP_HUGETLB | abi.MAP_HUGE_1GB };
  expect(hintFor('mmap', 'ENOMEM', bySize, having(files))).toMatch(/no 1 GiB hugepages.*2 MiB/);
  expect(hintFor('mmap', 'ENOMEM', { flags: abi.MAP_HUGETLB }, having(files))).toContain('2 MiB');
  expect(
    hintFor('mmap', 'ENOMEM', {}, having({ '/proc/sys/vm/max_map_count': '65530' })),
  ).toContain('vm.max_map_count is 65530');
});

test('hugepages: a size that there is no pool of, a pool that cannot grow, or may not', () => {
  const pool = { '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '0' };
  const flags = abi.MAP_HUGETLB | abi.MAP_HUGE_1GB;
  for (const [call, code] of [
    ['mmap', 'EINVAL'],
    ['memfd_create', 'ENODEV'],
    ['memfd_create', 'EINVAL'],
  ] as const) {
    expect(hintFor(call, code, { flags }, having(pool))).toMatch(
      /no 1 GiB hugepages \(sizes: 2 MiB\)/,
    );
    expect(hintFor(call, code, {}, having(pool))).toBe(undefined);
  }
  expect(hintFor('process_vm_readv', 'EFAULT', { flags: abi.MAP_HUGETLB }, having(pool))).toMatch(
    /0 of 0 hugepages of 2 MiB/,
  );
  const memory = having({ '/proc/meminfo': 'MemFree:  2048 kB\n' });
  expect(hintFor('nr_hugepages', 'ENOMEM', { bytes: 2 ** 30 }, memory)).toMatch(
    /1 GiB in hugepages are wanted, 2 MiB of memory are free.*vm\.compact_memory=1/,
  );
  expect(hintFor('nr_hugepages', 'EACCES', {}, NOTHING)).toMatch(/only root/);
});

test('sched_setaffinity EINVAL: the allowed set', () => {
  const files = status({ Cpus_allowed_list: '0-7' });
  expect(hintFor('sched_setaffinity', 'EINVAL', { cpus: '12' }, having(files))).toMatch(
    /^CPU 12 is not in this process's allowed set 0-7 \(cgroup cpuset or taskset\)/,
  );
});

test('sched_setscheduler EPERM: the limit and what was asked', () => {
  const files = limits('Max realtime priority', '0');
  expect(hintFor('sched_setscheduler', 'EPERM', { priority: 10 }, having(files))).toMatch(
    /CAP_SYS_NICE or RLIMIT_RTPRIO >= 10 \(now 0\): `ulimit -r 10`/,
  );
});

test('NUMA calls: seccomp gates them on CAP_SYS_NICE, or the kernel has no NUMA', () => {
  const docker = having(status({ Seccomp: '2', CapEff: '0' }));
  for (const call of ['mbind', 'set_mempolicy']) {
    expect(hintFor(call, 'EPERM', {}, docker)).toMatch(
      /gates it on CAP_SYS_NICE.*--cap-add SYS_NICE/,
    );
    expect(hintFor(call, 'ENOSYS', {}, having(status({ Seccomp: '0' })))).toContain('CONFIG_NUMA');
  }
  expect(hintFor('move_pages', 'EPERM', {}, docker)).toContain('never allows it');
});

test('pipes, zero-copy and descriptors: the sysctl or limit in question', () => {
  const pipe = having({ '/proc/sys/fs/pipe-max-size': '1048576' });
  expect(hintFor('F_SETPIPE_SZ', 'EPERM', {}, pipe)).toContain('fs.pipe-max-size = 1048576');
  const memory = having({ '/proc/sys/net/core/optmem_max': '131072' });
  expect(hintFor('io_uring:sendmsg', 'ENOBUFS', { unreaped: 9 }, memory)).toMatch(
    /net\.core\.optmem_max = 131072.*9 completions/,
  );
  const files = having(limits('Max open files', '20000', '40000'));
  for (const call of ['openat', 'socket', 'io_uring:accept']) {
    expect(hintFor(call, 'EMFILE', {}, files)).toMatch(/20000.*`ulimit -n 40000`/);
  }
  const all = having({ '/proc/sys/fs/file-max': '9223372036854775807\n' });
  expect(hintFor('openat', 'ENFILE', {}, all)).toContain('fs.file-max is 9223372036854775807');
  expect(hintFor('bind', 'EACCES', { port: 80 }, NOTHING)).toContain('CAP_NET_BIND_SERVICE');
});

test('nothing is said where nothing is known, and nothing breaks where nothing can be read', () => {
  expect(hintFor('read', 'EIO', {}, NOTHING)).toBeUndefined();
  for (const [call, code] of [
    ['io_uring_setup', 'EPERM'],
    ['io_uring_setup', 'ENOMEM'],
    ['mlock', 'EPERM'],
    ['sched_setaffinity', 'EINVAL'],
    ['sched_setscheduler', 'EPERM'],
    ['F_SETPIPE_SZ', 'EPERM'],
    ['sendmsg', 'ENOBUFS'],
    ['sendmsg', 'ETOOMANYREFS'],
    ['timerfd_create', 'EPERM'],
    ['inotify_init1', 'EMFILE'],
    ['inotify_add_watch', 'ENOSPC'],
    ['fanotify_init', 'EPERM'],
    ['fanotify_init', 'EMFILE'],
    ['fanotify_mark', 'ENOSPC'],
    ['pidfd_getfd', 'EPERM'],
    ['open_by_handle_at', 'EPERM'],
    ['openat', 'EMFILE'],
    ['openat', 'ENFILE'],
  ] as const) {
    const hint = hintFor(call, code, {}, NOTHING);
    expect(hint, `${call} ${code}`).toBeTruthy();
    expect(hint).not.toMatch(/undefined|NaN/);
  }
});

test('watched files: the limit that it can be, and its value', () => {
  const files = {
    '/proc/sys/fs/inotify/max_user_instances': '128\n',
    '/proc/sys/fs/inotify/max_user_watches': '8192\n',
    '/proc/sys/fs/fanotify/max_user_groups': '64\n',
    '/proc/sys/fs/fanotify/max_user_marks': '9000\n',
  };
  const roomy = having({ ...files, ...limits('Max open files', '1024') });
  expect(hintFor('inotify_init1', 'EMFILE', {}, roomy)).toMatch(/max_user_instances = 128.*sysctl/);
  expect(hintFor('fanotify_init', 'EMFILE', {}, roomy)).toMatch(/max_user_groups = 64.*sysctl/);
  const open = Object.fromEntries(['0', '1', '2'].map((fd) => [`/proc/self/fd/${fd}`, '']));
  const full = having({ ...files, ...open, ...limits('Max open files', '3') });
  expect(hintFor('inotify_init1', 'EMFILE', {}, full)).toMatch(/3 descriptors open \(ulimit -n\)/);
  expect(hintFor('inotify_add_watch', 'ENOSPC', {}, roomy)).toMatch(/max_user_watches = 8192/);
  expect(hintFor('fanotify_mark', 'ENOSPC', {}, roomy)).toMatch(/max_user_marks = 9000/);
});

test('file systems that fanotify cannot name files of; ranges on old kernels', () => {
  expect(hintFor('fanotify_mark', 'ENODEV', {}, NOTHING)).toMatch(/no id.*inotify/);
  expect(hintFor('fanotify_mark', 'EOPNOTSUPP', {}, NOTHING)).toMatch(/no file handles.*inotify/);
  const old = hintFor('close_range', 'EINVAL', {}, NOTHING);
  expect(old === undefined).toBe(kernel.atLeast('5.11'));
});

test('rights: which one, whether it is held, and what else may be done', () => {
  const nobody = having({ ...UNPRIVILEGED, '/proc/sys/kernel/yama/ptrace_scope': '2' });
  const ask = (call: string, facts = {}) => hintFor(call, 'EPERM', facts, nobody);
  expect(ask('timerfd_create')).toMatch(/CAP_WAKE_ALARM \(not held\).*setcap/);
  expect(ask('fanotify_init')).toMatch(/^this needs CAP_SYS_ADMIN \(not held\).*inotify/);
  expect(ask('fanotify_mark', { scope: 'filesystem' })).toMatch(/^a mark of a filesystem needs/);
  expect(ask('pidfd_getfd')).toMatch(/CAP_SYS_PTRACE \(not held\).*ptrace_scope is 2/);
  expect(ask('open_by_handle_at')).toMatch(/CAP_DAC_READ_SEARCH \(not held\)/);
  const all = having(status({ CapEff: 'ffffffffffffffff' }));
  expect(hintFor('open_by_handle_at', 'EPERM', {}, all)).toMatch(/\(held\)/);
  const few = having(limits('Max open files', '77'));
  expect(hintFor('sendmsg', 'ETOOMANYREFS', {}, few)).toMatch(/ulimit -n is 77/);
});

test('a backlog that the kernel cuts is warned of once', async () => {
  const seen = warnings();
  const reader = having({ '/proc/sys/net/core/somaxconn': '4096' });
  warnOfBacklog(4096, reader);
  warnOfBacklog(5000, reader);
  warnOfBacklog(6000, reader);
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen.map(({ message }) => message)).toEqual([
    'a backlog of 5000 is cut to net.core.somaxconn = 4096',
  ]);
});
