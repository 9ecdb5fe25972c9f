/**
 * Small typed readers of /proc and /sys. Nothing here throws: what cannot be read is undefined or
 * empty.
 */
/** An import of node:fs reads its lazy parts too, and so loads all of Node's streams: 2 ms. */
const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs');

/** Where text comes from; tests put their own in its place. */
export interface Reader {
  text(path: string): string | undefined;
  names(path: string): readonly string[];
}

export const system: Reader = {
  text(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
  },
  names(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};

/** The same files below `root`: a saved tree, or one made up. */
export function rootedAt(root: string): Reader {
  if (root === '/') return system;
  return { text: (path) => system.text(root + path), names: (path) => system.names(root + path) };
}

export function readLine(path: string, reader: Reader = system): string | undefined {
  return reader.text(path)?.trim();
}

export function readNumber(path: string, reader: Reader = system): number | undefined {
  const text = readLine(path, reader);
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}

/** A sysctl by its dotted name: `sysctl('kernel.io_uring_disabled')`. */
export function sysctl(name: string, reader: Reader = system): number | undefined {
  return readNumber(`/proc/sys/${name.replaceAll('.', '/')}`, reader);
}

/** What confines this thread. */
export interface Confinement {
  /** 0 off, 1 strict, 2 a filter; undefined when it cannot be read. */
  readonly seccomp: number | undefined;
  readonly noNewPrivs: boolean | undefined;
  /** Effective capabilities, one bit each. */
  readonly capabilities: bigint | undefined;
  /** In the kernel's list format: '0-3,8'. */
  readonly cpusAllowed: string | undefined;
  /** As `cpusAllowed`, of nodes with memory. */
  readonly nodesAllowed: string | undefined;
  readonly groups: readonly number[];
}

export function readConfinement(reader: Reader = system): Confinement {
  const text = reader.text('/proc/thread-self/status') ?? reader.text('/proc/self/status') ?? '';
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const number = (value: string | undefined) => (value ? Number(value) : undefined);
  const noNewPrivs = number(field('NoNewPrivs'));
  const capabilities = field('CapEff');
  const groups = `${field('Gid') ?? ''} ${field('Groups') ?? ''}`
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
  return {
    seccomp: number(field('Seccomp')),
    noNewPrivs: noNewPrivs === undefined ? undefined : noNewPrivs === 1,
    capabilities: capabilities ? BigInt(`0x${capabilities}`) : undefined,
    cpusAllowed: field('Cpus_allowed_list'),
    nodesAllowed: field('Mems_allowed_list'),
    groups,
  };
}

/** Bits of capabilities(7) that matter to us. */
export const CAPABILITIES = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_IPC_LOCK: 14,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_WAKE_ALARM: 35,
  CAP_PERFMON: 38,
} as const;

export type Capability = keyof typeof CAPABILITIES;

/** Undefined when /proc does not say. */
export function hasCapability(name: Capability, reader: Reader = system): boolean | undefined {
  const held = readConfinement(reader).capabilities;
  return held === undefined ? undefined : ((held >> BigInt(CAPABILITIES[name])) & 1n) === 1n;
}

const LIMITS = {
  memlock: 'Max locked memory',
  nofile: 'Max open files',
  rtprio: 'Max realtime priority',
  nice: 'Max nice priority',
} as const;

/** Soft and hard value of one resource limit; Infinity for unlimited. */
export function readLimit(
  name: keyof typeof LIMITS,
  reader: Reader = system,
): { soft: number; hard: number } | undefined {
  const text = reader.text('/proc/self/limits') ?? '';
  const match = new RegExp(`^${LIMITS[name]}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text);
  if (match === null) return undefined;
  const value = (word: string | undefined) => (word === 'unlimited' ? Infinity : Number(word));
  return { soft: value(match[1]), hard: value(match[2]) };
}

/** One pool of hugepages. */
export interface HugepagePool {
  /** Bytes of one page. */
  readonly size: number;
  readonly total: number;
  readonly free: number;
  readonly reserved: number;
  /** Beyond what was configured, given back when no longer used. */
  readonly surplus: number;
}

/** Of the machine, or of the node whose folder `root` is. */
export function readHugepagePools(
  reader: Reader = system,
  root = '/sys/kernel/mm/hugepages',
): HugepagePool[] {
  const pools: HugepagePool[] = [];
  for (const name of reader.names(root)) {
    const kilobytes = /^hugepages-(\d+)kB$/.exec(name)?.[1];
    if (kilobytes === undefined) continue;
    const count = (file: string) => readNumber(`${root}/${name}/${file}`, reader) ?? 0;
    pools.push({
      size: Number(kilobytes) * 1024,
      total: count('nr_hugepages'),
      free: count('free_hugepages'),
      reserved: count('resv_hugepages'),
      surplus: count('surplus_hugepages'),
    });
  }
  return pools.sort((a, b) => a.size - b.size);
}

/** Bytes as people write them: 2 MiB, 8192 KiB when it is not a whole MiB. */
export function formatBytes(bytes: number): string {
  if (bytes === Infinity) return 'unlimited';
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  }
  return bytes >= 4096 ? `${Math.floor(bytes / 1024)} KiB` : `${bytes} bytes`;
}
