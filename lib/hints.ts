/**
 * One table from (system call, error) to what to change. Each row looks before it speaks, and
 * states what it found.
 */
import * as abi from './abi.js';
import { CPU_HINTS } from './hints/cpu-rows.js';
import {
  closingRanges,
  fanotifyForbidden,
  fanotifyGroups,
  fanotifyMarks,
  fdsOnTheirWay,
  fileHandles,
  inotifyInstances,
  inotifyWatches,
  tracing,
  wakeAlarm,
} from './hints/descriptors.js';
import {
  nodeMemory,
  nodesNotAllowed,
  poolForbidden,
  poolGrowth,
  rootOnly,
} from './hints/memory.js';
import {
  type Facts,
  hugepageMemory,
  lowPort,
  mlockForbidden,
  mmapMemory,
  number,
  pipeSize,
  sentence,
  setupFlags,
  unaligned,
  unpollable,
  userWatches,
  zerocopyMemory,
} from './hints/rows.js';
import { type Reader, sysctl, system } from './proc/read.js';
import { descriptorRefusal, ioUringRefusal, memlockRefusal, syscallRefusal } from './refusals.js';

type Hint = (reader: Reader, facts: Facts, syscall: string) => string | undefined;

const ring =
  (errno: number): Hint =>
  (reader, _facts, syscall) =>
    sentence(ioUringRefusal(errno, syscall, reader));
const memlock: Hint = (reader, facts) => sentence(memlockRefusal(reader, number(facts['bytes'])));
const refused =
  (errno: number, since: string): Hint =>
  (reader, _facts, syscall) =>
    sentence(syscallRefusal(syscall, errno, since, reader));

/** Keys are 'syscall code'; '* code' stands for every system call. */
const HINTS: Readonly<Record<string, Hint>> = {
  'io_uring_setup EPERM': ring(abi.EPERM),
  'io_uring_setup EACCES': ring(abi.EACCES),
  'io_uring_setup ENOSYS': ring(abi.ENOSYS),
  'io_uring_setup ENOMEM': ring(abi.ENOMEM),
  'io_uring_setup EINVAL': setupFlags,
  'io_uring_enter EPERM': ring(abi.EPERM),
  'io_uring_enter ENOSYS': ring(abi.ENOSYS),
  'io_uring_register EPERM': ring(abi.EPERM),
  'io_uring_register ENOSYS': ring(abi.ENOSYS),
  'io_uring_register ENOMEM': memlock,
  'mmap ENOMEM': mmapMemory,
  'mmap EINVAL': hugepageMemory,
  'mmap ENODEV': hugepageMemory,
  'memfd_create EINVAL': hugepageMemory,
  'memfd_create ENODEV': hugepageMemory,
  'madvise ENOMEM': mmapMemory,
  'madvise EFAULT': hugepageMemory,
  'process_vm_readv EFAULT': hugepageMemory,
  'mlock ENOMEM': memlock,
  'mlock2 ENOMEM': memlock,
  'mlockall ENOMEM': memlock,
  'mlock EPERM': mlockForbidden,
  'mlock2 EPERM': mlockForbidden,
  'mlockall EPERM': mlockForbidden,
  'mmap EAGAIN': memlock,
  'nr_hugepages ENOMEM': poolGrowth,
  'nr_hugepages EACCES': poolForbidden,
  'nr_hugepages EROFS': poolForbidden,
  'mbind EINVAL': nodesNotAllowed,
  'mbind ENOMEM': nodeMemory,
  'set_mempolicy EINVAL': nodesNotAllowed,
  'move_pages EACCES': nodesNotAllowed,
  'move_pages ENODEV': nodesNotAllowed,
  'set_mempolicy_home_node ENOSYS': refused(abi.ENOSYS, '5.17'),
  'set_mempolicy_home_node EPERM': refused(abi.EPERM, '5.17'),
  'weighted_interleave EACCES': rootOnly,
  ...CPU_HINTS,
  'mbind EPERM': refused(abi.EPERM, '2.6'),
  'mbind ENOSYS': refused(abi.ENOSYS, '2.6'),
  'set_mempolicy EPERM': refused(abi.EPERM, '2.6'),
  'set_mempolicy ENOSYS': refused(abi.ENOSYS, '2.6'),
  'get_mempolicy EPERM': refused(abi.EPERM, '2.6'),
  'get_mempolicy ENOSYS': refused(abi.ENOSYS, '2.6'),
  'move_pages EPERM': refused(abi.EPERM, '2.6'),
  'move_pages ENOSYS': refused(abi.ENOSYS, '2.6'),
  'migrate_pages EPERM': refused(abi.EPERM, '2.6'),
  'migrate_pages ENOSYS': refused(abi.ENOSYS, '2.6'),
  'epoll_ctl EPERM': unpollable,
  'epoll_ctl EEXIST': () => 'it is registered already: `modify` changes what is waited for',
  'epoll_ctl ENOSPC': userWatches,
  'epoll_ctl ELOOP': () => 'epolls may watch one another five deep, and never in a circle',
  'F_SETPIPE_SZ EPERM': pipeSize,
  'read EINVAL': unaligned,
  'write EINVAL': unaligned,
  'timerfd_create EPERM': wakeAlarm,
  'inotify_init1 EMFILE': inotifyInstances,
  'inotify_add_watch ENOSPC': inotifyWatches,
  'fanotify_init EPERM': fanotifyForbidden,
  'fanotify_init EMFILE': fanotifyGroups,
  'fanotify_mark EPERM': fanotifyForbidden,
  'fanotify_mark ENOSPC': fanotifyMarks,
  'fanotify_mark ENODEV': () => 'this file system has no id to name its files by: use inotify',
  'fanotify_mark EOPNOTSUPP': () => 'this file system has no file handles: use inotify',
  'close_range EINVAL': closingRanges,
  'pidfd_getfd EPERM': tracing,
  'open_by_handle_at EPERM': fileHandles,
  'sendmsg ETOOMANYREFS': fdsOnTheirWay,
  'sendmsg ENOBUFS': zerocopyMemory,
  'send ENOBUFS': zerocopyMemory,
  'sendmmsg EMSGSIZE': () =>
    'a datagram has at most 65507 bytes over IPv4, 65527 over IPv6, and no more than the send ' +
    'buffer: send several, or say `segmentSize`, which must fit the MTU with its headers',
  // Kernels differ in what they answer to segments that do not fit.
  'sendmmsg EINVAL': () =>
    'a `segmentSize` must fit the MTU of the way with its headers, and `from` must be an address ' +
    'of this machine',
  'sendmmsg EACCES': () => 'a broadcast address needs `broadcast: true`',
  'setsockopt ENODEV': () => 'no such interface, or none to be chosen: name one',
  'bind EACCES': lowPort,
  '* EMFILE': (reader) => sentence(descriptorRefusal(abi.EMFILE, reader)),
  '* ENFILE': (reader) => sentence(descriptorRefusal(abi.ENFILE, reader)),
};

/** What to change, in one sentence, or undefined when nothing useful is known. */
export function hintFor(
  syscall: string,
  code: string,
  facts: Facts = {},
  reader: Reader = system,
): string | undefined {
  // 'io_uring:sendmsg' is sendmsg(2) asked through a ring, and fails for the same reasons.
  const name = syscall.startsWith('io_uring:') ? syscall.slice('io_uring:'.length) : syscall;
  const row = HINTS[`${name} ${code}`] ?? HINTS[`* ${code}`];
  return row?.(reader, facts, name);
}

let warnedOfBacklog = false;

/** The kernel clamps a backlog silently: warns once, on the first that is clamped. */
export function warnOfBacklog(backlog: number, reader: Reader = system): void {
  const maximum = sysctl('net.core.somaxconn', reader);
  if (warnedOfBacklog || maximum === undefined || backlog <= maximum) return;
  warnedOfBacklog = true;
  process.emitWarning(`a backlog of ${backlog} is cut to net.core.somaxconn = ${maximum}`, {
    type: 'NearmetalWarning',
    code: 'NEARMETAL_BACKLOG',
    detail: `\`sysctl -w net.core.somaxconn=${backlog}\` allows it`,
  });
}
