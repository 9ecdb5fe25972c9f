/** The hints that take more than a sentence: each reads the limit, pool or set in question. */
import * as abi from '../abi.js';
import type { ErrorDetail } from '../errors.js';
import { SETUP_FLAGS } from '../features/tables.js';
import { kernel } from '../kernel.js';
import {
  formatBytes,
  hasCapability,
  type Reader,
  readHugepagePools,
  readLimit,
  sysctl,
} from '../proc/read.js';
import { memlockRefusal, type Refusal } from '../refusals.js';

/** Numbers that whoever made the error knew: see the comment of each row. */
export type Facts = NonNullable<ErrorDetail['facts']>;

export const sentence = (refusal: Refusal | undefined): string | undefined =>
  refusal && `${refusal.detail}: ${refusal.hint}`;
export const number = (value: unknown): number | undefined =>
  typeof value === 'number' ? value : undefined;

/** facts: flags. */
export function setupFlags(_reader: Reader, facts: Facts): string | undefined {
  const flags = number(facts['flags']) ?? 0;
  const missing = SETUP_FLAGS.filter(
    ([, since], bit) => (flags & (1 << bit)) !== 0 && !kernel.atLeast(since),
  );
  const [first] = missing;
  if (first !== undefined) {
    return (
      `IORING_SETUP_${first[0]} needs Linux ${first[1]}, this is ${kernel.release}: leave it ` +
      'out'
    );
  }
  if (flags & abi.IORING_SETUP_DEFER_TASKRUN && !(flags & abi.IORING_SETUP_SINGLE_ISSUER)) {
    return 'IORING_SETUP_DEFER_TASKRUN needs IORING_SETUP_SINGLE_ISSUER: set both';
  }
  if (flags & abi.IORING_SETUP_SQ_AFF && !(flags & abi.IORING_SETUP_SQPOLL)) {
    return 'IORING_SETUP_SQ_AFF needs IORING_SETUP_SQPOLL: set both';
  }
  const shared =
    abi.IORING_SETUP_DEFER_TASKRUN | abi.IORING_SETUP_COOP_TASKRUN | abi.IORING_SETUP_TASKRUN_FLAG;
  if (flags & abi.IORING_SETUP_SQPOLL && flags & shared) {
    return (
      'IORING_SETUP_SQPOLL excludes DEFER_TASKRUN, COOP_TASKRUN and TASKRUN_FLAG: choose one ' +
      'side'
    );
  }
  return 'entries must be from 1 to 32768, and cqEntries at least as many';
}

/** facts: flags, bytes. */
export function mmapMemory(reader: Reader, facts: Facts): string | undefined {
  return hugepageMemory(reader, facts) ?? memoryRefused(reader, facts);
}

/** facts: flags, bytes, node if of one only. Of no other memory than hugepages. */
export function hugepageMemory(reader: Reader, facts: Facts): string | undefined {
  const flags = number(facts['flags']) ?? 0;
  if (!(flags & abi.MAP_HUGETLB)) return undefined;
  const node = number(facts['node']);
  const root = node === undefined ? '/sys/kernel/mm' : `/sys/devices/system/node/node${node}`;
  const pools = readHugepagePools(reader, `${root}/hugepages`);
  const log2 = (flags >>> abi.MAP_HUGE_SHIFT) & 0x3f;
  const size = log2 === 0 ? defaultHugepage(reader) : 2 ** log2;
  const pool = pools.find((each) => each.size === size);
  if (pool === undefined) {
    const known = pools.map((each) => formatBytes(each.size)).join(', ') || 'none';
    return (
      `this machine has no ${formatBytes(size)} hugepages (sizes: ${known}): choose one of ` +
      `these, or \`orElse: 'transparent'\``
    );
  }
  const wanted = Math.max(1, Math.ceil((number(facts['bytes']) ?? size) / size));
  const more = pool.total + Math.max(0, wanted - (pool.free - pool.reserved));
  const file = `${root}/hugepages/hugepages-${size / 1024}kB/nr_hugepages`;
  const command =
    size === defaultHugepage(reader) && node === undefined
      ? `sysctl -w vm.nr_hugepages=${more}`
      : `echo ${more} > ${file}`;
  const free = Math.max(0, pool.free - pool.reserved);
  return (
    `${free} of ${pool.total} hugepages of ${formatBytes(size)} are free` +
    `${node === undefined ? '' : ` on node ${node}`}, ${wanted} wanted: \`${command}\` ` +
    "(as root), or `orElse: 'transparent'`"
  );
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
    : `no address space or memory left: vm.max_map_count is ${maximum}, vm.overcommit_memory ` +
        `is ${sysctl('vm.overcommit_memory', reader) ?? 'unknown'}`;
}

export function mlockForbidden(reader: Reader): string {
  const limit = readLimit('memlock', reader);
  const found = limit === undefined ? '' : ` (RLIMIT_MEMLOCK is ${formatBytes(limit.soft)})`;
  return (
    `locking memory needs CAP_IPC_LOCK or RLIMIT_MEMLOCK above 0${found}: \`ulimit -l ` +
    '65536`, or `docker run --ulimit memlock=-1`'
  );
}

export function pipeSize(reader: Reader): string {
  const maximum = sysctl('fs.pipe-max-size', reader);
  return (
    `without CAP_SYS_RESOURCE a pipe is at most fs.pipe-max-size = ${maximum ?? 1048576} ` +
    'bytes: ask for less, or `sysctl -w fs.pipe-max-size=` more (as root)'
  );
}

/** facts: unreaped, completions not read yet. */
export function zerocopyMemory(reader: Reader, facts: Facts): string {
  const unreaped =
    facts['unreaped'] === undefined ? '' : `, and ${facts['unreaped']} completions are unread`;
  const maximum = sysctl('net.core.optmem_max', reader) ?? 'unknown';
  return (
    `zero-copy sends are bounded by net.core.optmem_max = ${maximum}${unreaped}: read ` +
    'completions first, or `sysctl -w net.core.optmem_max=` more'
  );
}

/** facts: port. */
export function lowPort(reader: Reader, facts: Facts): string | undefined {
  const start = sysctl('net.ipv4.ip_unprivileged_port_start', reader) ?? 1024;
  const port = number(facts['port']);
  if (port !== undefined && port >= start) return undefined;
  const held = hasCapability('CAP_NET_BIND_SERVICE', reader) ? ' (held)' : '';
  return (
    `ports below ${start} need CAP_NET_BIND_SERVICE${held}: \`setcap cap_net_bind_service=+ep ` +
    '$(which node)`, or a higher port'
  );
}

/** facts: fd, sort. */
export function unpollable(_reader: Reader, facts: Facts): string {
  return (
    `descriptor ${facts['fd']} is ${facts['sort']}, which is always ready and cannot be waited ` +
    'for: read and write it at once, or through a ring'
  );
}

export function userWatches(reader: Reader): string {
  const maximum = sysctl('fs.epoll.max_user_watches', reader) ?? 'unknown';
  return (
    `fs.epoll.max_user_watches is ${maximum} for this user: ` +
    '`sysctl -w fs.epoll.max_user_watches=` more (as root)'
  );
}

/** facts: wrong, memoryAlignment, offsetAlignment; only of direct I/O that was refused here. */
export function unaligned(_reader: Reader, facts: Facts): string | undefined {
  const { wrong } = facts;
  if (wrong === undefined) return undefined;
  const bytes = facts[wrong === 'address' ? 'memoryAlignment' : 'offsetAlignment'];
  return (
    `direct I/O on this file needs the ${wrong} to be a multiple of ${bytes}: take buffers of ` +
    '`directPool(file, ...)` and whole blocks, or open it without `direct`'
  );
}
