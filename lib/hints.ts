/** One table from (system call, error) to what to change. Each row looks before it speaks, and states what it found. */
import * as abi from './abi.js';
import { type ErrorDetail, type SystemError, setHintProvider } from './errors.js';
import { SETUP_FLAGS } from './features/tables.js';
import { kernel } from './kernel.js';
import {
  formatBytes,
  hasCapability,
  type Reader,
  readConfinement,
  readHugepagePools,
  readLimit,
  sysctl,
  system,
} from './proc/read.js';
import { descriptorRefusal, ioUringRefusal, memlockRefusal, type Refusal, syscallRefusal } from './refusals.js';

export type Facts = NonNullable<ErrorDetail['facts']>;
type Hint = (reader: Reader, facts: Facts, syscall: string) => string | undefined;

const sentence = (refusal: Refusal | undefined) => refusal && `${refusal.detail}: ${refusal.hint}`;
const number = (value: unknown) => (typeof value === 'number' ? value : undefined);

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
  'madvise ENOMEM': mmapMemory,
  'madvise EFAULT': mmapMemory,
  'mlock ENOMEM': memlock,
  'mlock2 ENOMEM': memlock,
  'mlockall ENOMEM': memlock,
  'mlock EPERM': mlockForbidden,
  'mlock2 EPERM': mlockForbidden,
  'mlockall EPERM': mlockForbidden,
  'mmap EAGAIN': memlock,
  'sched_setaffinity EINVAL': affinity,
  'sched_setscheduler EPERM': realtime,
  'sched_setattr EPERM': realtime,
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
  'F_SETPIPE_SZ EPERM': pipeSize,
  'sendmsg ENOBUFS': zerocopyMemory,
  'send ENOBUFS': zerocopyMemory,
  'sendto ENOBUFS': zerocopyMemory,
  'bind EACCES': lowPort,
  '* EMFILE': (reader) => sentence(descriptorRefusal(abi.EMFILE, reader)),
  '* ENFILE': (reader) => sentence(descriptorRefusal(abi.ENFILE, reader)),
};

/** What to change, in one sentence, or undefined when nothing useful is known. */
export function hintFor(syscall: string, code: string, facts: Facts = {}, reader: Reader = system): string | undefined {
  // 'io_uring:sendmsg' is sendmsg(2) asked through a ring, and fails for the same reasons.
  const name = syscall.startsWith('io_uring:') ? syscall.slice('io_uring:'.length) : syscall;
  const row = HINTS[`${name} ${code}`] ?? HINTS[`* ${code}`];
  return row?.(reader, facts, name);
}

setHintProvider((error: SystemError, facts) => hintFor(error.syscall, error.code, facts));

/** facts: flags. */
function setupFlags(_reader: Reader, facts: Facts): string | undefined {
  const flags = number(facts['flags']) ?? 0;
  const missing = SETUP_FLAGS.filter(([, since], bit) => (flags & (1 << bit)) !== 0 && !kernel.atLeast(since));
  const [first] = missing;
  if (first !== undefined) {
    return `IORING_SETUP_${first[0]} needs Linux ${first[1]}, this is ${kernel.release}: leave it out`;
  }
  if (flags & abi.IORING_SETUP_DEFER_TASKRUN && !(flags & abi.IORING_SETUP_SINGLE_ISSUER)) {
    return 'IORING_SETUP_DEFER_TASKRUN needs IORING_SETUP_SINGLE_ISSUER: set both';
  }
  if (flags & abi.IORING_SETUP_SQ_AFF && !(flags & abi.IORING_SETUP_SQPOLL)) {
    return 'IORING_SETUP_SQ_AFF needs IORING_SETUP_SQPOLL: set both';
  }
  const shared = abi.IORING_SETUP_DEFER_TASKRUN | abi.IORING_SETUP_COOP_TASKRUN | abi.IORING_SETUP_TASKRUN_FLAG;
  if (flags & abi.IORING_SETUP_SQPOLL && flags & shared) {
    return 'IORING_SETUP_SQPOLL excludes DEFER_TASKRUN, COOP_TASKRUN and TASKRUN_FLAG: choose one side';
  }
  return 'entries must be from 1 to 32768, and cqEntries at least as many';
}

/** facts: flags, bytes. */
function mmapMemory(reader: Reader, facts: Facts): string | undefined {
  const flags = number(facts['flags']) ?? 0;
  if (!(flags & abi.MAP_HUGETLB)) return memoryRefused(reader, facts);
  const pools = readHugepagePools(reader);
  const log2 = (flags >>> abi.MAP_HUGE_SHIFT) & 0x3f;
  const size = log2 === 0 ? defaultHugepage(reader) : 2 ** log2;
  const pool = pools.find((each) => each.size === size);
  if (pool === undefined) {
    const known = pools.map((each) => formatBytes(each.size)).join(', ') || 'none';
    return `this machine has no ${formatBytes(size)} hugepages (sizes: ${known}): choose one of these, or \`orElse: 'transparent'\``;
  }
  const wanted = Math.max(1, Math.ceil((number(facts['bytes']) ?? size) / size));
  const more = pool.total + Math.max(0, wanted - (pool.free - pool.reserved));
  const file = `/sys/kernel/mm/hugepages/hugepages-${size / 1024}kB/nr_hugepages`;
  const command =
    size === defaultHugepage(reader) ? `sysctl -w vm.nr_hugepages=${more}` : `echo ${more} > ${file}`;
  const free = Math.max(0, pool.free - pool.reserved);
  return `${free} of ${pool.total} hugepages of ${formatBytes(size)} are free, ${wanted} wanted: \`${command}\` (as root), or \`orElse: 'transparent'\``;
}

function defaultHugepage(reader: Reader): number {
  const kilobytes = /^Hugepagesize:\s+(\d+) kB/m.exec(reader.text('/proc/meminfo') ?? '')?.[1];
  return kilobytes === undefined ? 2 * 2 ** 20 : Number(kilobytes) * 1024;
}

/** facts: locked, whether the mapping was to be locked. */
function memoryRefused(reader: Reader, facts: Facts): string | undefined {
  if (facts['locked']) return sentence(memlockRefusal(reader, number(facts['bytes'])));
  const maximum = sysctl('vm.max_map_count', reader);
  return maximum === undefined
    ? undefined
    : `no address space or memory left: vm.max_map_count is ${maximum}, vm.overcommit_memory is ${sysctl('vm.overcommit_memory', reader) ?? 'unknown'}`;
}

function mlockForbidden(reader: Reader): string {
  const limit = readLimit('memlock', reader);
  const found = limit === undefined ? '' : ` (RLIMIT_MEMLOCK is ${formatBytes(limit.soft)})`;
  return `locking memory needs CAP_IPC_LOCK or RLIMIT_MEMLOCK above 0${found}: \`ulimit -l 65536\`, or \`docker run --ulimit memlock=-1\``;
}

/** facts: cpus, what was asked for in list format. */
function affinity(reader: Reader, facts: Facts): string {
  const asked = facts['cpus'] === undefined ? 'none of the CPUs asked for' : `CPU ${facts['cpus']}`;
  const allowed = readConfinement(reader).cpusAllowed ?? 'unknown';
  const verb = facts['cpus'] === undefined ? 'is' : 'is not';
  return `${asked} ${verb} in this process's allowed set ${allowed} (cgroup cpuset or taskset): choose from it, or widen cpuset.cpus`;
}

/** facts: priority. */
function realtime(reader: Reader, facts: Facts): string {
  const priority = number(facts['priority']) ?? 1;
  const now = readLimit('rtprio', reader)?.soft ?? 0;
  return `this needs CAP_SYS_NICE or RLIMIT_RTPRIO >= ${priority} (now ${now}): \`ulimit -r ${priority}\`, \`docker run --cap-add SYS_NICE\``;
}

function pipeSize(reader: Reader): string {
  const maximum = sysctl('fs.pipe-max-size', reader);
  return `without CAP_SYS_RESOURCE a pipe is at most fs.pipe-max-size = ${maximum ?? 1048576} bytes: ask for less, or \`sysctl -w fs.pipe-max-size=\` more (as root)`;
}

/** facts: unreaped, completions not read yet. */
function zerocopyMemory(reader: Reader, facts: Facts): string {
  const unreaped = facts['unreaped'] === undefined ? '' : `, and ${facts['unreaped']} completions are unread`;
  const maximum = sysctl('net.core.optmem_max', reader) ?? 'unknown';
  return `zero-copy sends are bounded by net.core.optmem_max = ${maximum}${unreaped}: read completions first, or \`sysctl -w net.core.optmem_max=\` more`;
}

/** facts: port. */
function lowPort(reader: Reader, facts: Facts): string | undefined {
  const start = sysctl('net.ipv4.ip_unprivileged_port_start', reader) ?? 1024;
  const port = number(facts['port']);
  if (port !== undefined && port >= start) return undefined;
  const held = hasCapability('CAP_NET_BIND_SERVICE', reader) ? ' (held)' : '';
  return `ports below ${start} need CAP_NET_BIND_SERVICE${held}: \`setcap cap_net_bind_service=+ep $(which node)\`, or a higher port`;
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
