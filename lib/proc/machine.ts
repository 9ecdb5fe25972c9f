/**
 * What the machine and the container give: huge pages on demand, NUMA nodes, CPUs, the cgroup's
 * share.
 */
import { type Reader, readLine, readNumber, system } from './read.js';

/** '0-3,8' as [0, 1, 2, 3, 8]. */
export function parseList(text: string | undefined): number[] {
  const numbers: number[] = [];
  for (const part of (text ?? '').split(',').filter(Boolean)) {
    const [first, last = first] = part.split('-').map(Number);
    if (first === undefined || last === undefined || !(last - first < 65536)) continue;
    for (let each = first; each <= last; each++) numbers.push(each);
  }
  return numbers;
}

/** The choice in brackets of a file such as 'always [madvise] never'. */
function chosen(path: string, reader: Reader): string | undefined {
  return /\[([^\]]+)\]/.exec(reader.text(path) ?? '')?.[1];
}

/** Transparent huge pages: what is chosen now. */
export interface TransparentHugepages {
  readonly enabled?: string | undefined;
  readonly defrag?: string | undefined;
  readonly shmem?: string | undefined;
}

export function readTransparentHugepages(reader: Reader = system): TransparentHugepages {
  const root = '/sys/kernel/mm/transparent_hugepage';
  return {
    enabled: chosen(`${root}/enabled`, reader),
    defrag: chosen(`${root}/defrag`, reader),
    shmem: chosen(`${root}/shmem_enabled`, reader),
  };
}

export interface NumaNode {
  readonly node: number;
  readonly cpus: string;
  /** Bytes, undefined when unreadable. */
  readonly total: number | undefined;
  readonly free: number | undefined;
  /** Free, or a cache that can be dropped. */
  readonly available: number | undefined;
  /** To every node, as the kernel lists them: 10 to itself. */
  readonly distances: readonly number[];
}

export function readNumaNodes(reader: Reader = system): NumaNode[] {
  const root = '/sys/devices/system/node';
  const nodes: NumaNode[] = [];
  for (const name of reader.names(root)) {
    const number = /^node(\d+)$/.exec(name)?.[1];
    if (number === undefined) continue;
    const memory = reader.text(`${root}/${name}/meminfo`) ?? '';
    const bytes = (field: string) => {
      const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(memory)?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    };
    const cpus = readLine(`${root}/${name}/cpulist`, reader) ?? '';
    const free = bytes('MemFree');
    const cached = (bytes('FilePages') ?? 0) - (bytes('Shmem') ?? 0) + (bytes('SReclaimable') ?? 0);
    const distances = (readLine(`${root}/${name}/distance`, reader) ?? '').split(/\s+/).map(Number);
    nodes.push({
      node: Number(number),
      cpus,
      total: bytes('MemTotal'),
      free,
      available: free === undefined ? undefined : free + cached,
      distances,
    });
  }
  return nodes.sort((a, b) => a.node - b.node);
}

export interface Cgroup {
  /** 0 when there is none to be seen. */
  readonly version: 0 | 1 | 2;
  readonly path: string | undefined;
  /** CPUs' worth of time that may be used, 0.5 for half of one; undefined without a quota. */
  readonly cpuQuota: number | undefined;
  /** Bytes, undefined without a limit. */
  readonly memoryMax: number | undefined;
}

/** Every level above binds too, so the smallest number on the way to the root counts. */
export function readCgroup(reader: Reader = system): Cgroup {
  const lines = (reader.text('/proc/self/cgroup') ?? '').split('\n');
  const legacy = lines
    .map((line) => /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/.exec(line)?.[1])
    .find(Boolean);
  if (legacy !== undefined) {
    const cpuQuota = smallest(levels('/sys/fs/cgroup/cpu', legacy), (at) => {
      const quota = readNumber(`${at}/cpu.cfs_quota_us`, reader) ?? -1;
      const period = readNumber(`${at}/cpu.cfs_period_us`, reader) ?? 100_000;
      return quota > 0 ? quota / period : undefined;
    });
    return { version: 1, path: legacy, cpuQuota, memoryMax: undefined };
  }
  const path = lines.map((line) => /^0::(.*)$/.exec(line)?.[1]).find(Boolean);
  if (path === undefined) return { version: 0, path, cpuQuota: undefined, memoryMax: undefined };
  const places = levels('/sys/fs/cgroup', path);
  const cpuQuota = smallest(places, (at) => {
    const [quota, period] = (readLine(`${at}/cpu.max`, reader) ?? 'max').split(' ');
    return quota === 'max' ? undefined : Number(quota) / Number(period ?? 100_000);
  });
  return {
    version: 2,
    path,
    cpuQuota,
    memoryMax: smallest(places, (at) => readNumber(`${at}/memory.max`, reader)),
  };
}

/** '/a/b' below `root`: itself, then everything above it. */
function levels(root: string, path: string): string[] {
  const parts = path.split('/').filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, up) =>
    [root, ...parts.slice(0, parts.length - up)].join('/'),
  );
}

function smallest(
  places: readonly string[],
  read: (place: string) => number | undefined,
): number | undefined {
  const found = places.map(read).filter((value) => value !== undefined && Number.isFinite(value));
  return found.length === 0 ? undefined : Math.min(...(found as number[]));
}
