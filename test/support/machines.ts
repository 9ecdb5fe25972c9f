/** Machines that we do not have, as the files of their /sys and /proc: a few lines make each. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CpuSet } from '../../lib/cpu/set.js';
import type { Reader } from '../../lib/proc/read.js';

export type Files = Record<string, string>;

interface CoreSpec {
  cpus: number[];
  package: number;
  node: number;
  /** Cores with the same words share a cache, a die or a cluster. */
  l3?: string;
  l2?: string;
  die?: number;
  cluster?: string;
  capacity?: number;
  maxKhz?: number;
}

interface Spec {
  model: string;
  cores: CoreSpec[];
  /** In KiB. */
  sizes: { l1d: number; l1i: number; l2: number; l3?: number };
  /** Memory of each node in MiB, with its hugepages of 2 MiB. */
  nodes: { memory: number; hugepages?: number }[];
  distance?: number;
  offline?: string;
  isolated?: string;
  nohzFull?: string;
  allowed?: string;
  /** CPUs that Intel's counters call fast and slow. */
  named?: { cpu_core: string; cpu_atom: string };
}

const CPU = '/sys/devices/system/cpu';
const list = (cores: readonly CoreSpec[]) => `${CpuSet.from(cores.flatMap(({ cpus }) => cpus))}\n`;

function coreFiles(core: CoreSpec, index: number, { cores, sizes }: Spec): Files {
  const files: Files = {};
  const like = (key: 'package' | 'die' | 'cluster' | 'l2' | 'l3') =>
    core[key] === undefined
      ? list([core])
      : list(cores.filter((each) => each.package === core.package && each[key] === core[key]));
  const caches = [
    ['Data', 1, sizes.l1d, list([core])],
    ['Instruction', 1, sizes.l1i, list([core])],
    ['Unified', 2, sizes.l2, like('l2')],
    ...(sizes.l3 && core.l3 !== undefined ? [['Unified', 3, sizes.l3, like('l3')] as const] : []),
  ] as const;
  for (const cpu of core.cpus) {
    const at = `${CPU}/cpu${cpu}`;
    Object.assign(files, {
      [`${at}/topology/physical_package_id`]: `${core.package}\n`,
      [`${at}/topology/core_id`]: `${index}\n`,
      [`${at}/topology/die_id`]: `${core.die ?? 0}\n`,
      [`${at}/topology/cluster_id`]: '65535\n',
      [`${at}/topology/package_cpus_list`]: like('package'),
      [`${at}/topology/die_cpus_list`]: core.die === undefined ? like('package') : like('die'),
      [`${at}/topology/cluster_cpus_list`]: like('cluster'),
      [`${at}/topology/core_cpus_list`]: list([core]),
    });
    if (core.capacity !== undefined) files[`${at}/cpu_capacity`] = `${core.capacity}\n`;
    if (core.maxKhz !== undefined) {
      files[`${at}/cpufreq/cpuinfo_max_freq`] = `${core.maxKhz}\n`;
      files[`${at}/cpufreq/cpuinfo_min_freq`] = '400000\n';
      files[`${at}/cpufreq/scaling_governor`] = 'schedutil\n';
    }
    for (const [number, [type, level, size, shared]] of caches.entries()) {
      const cache = `${at}/cache/index${number}`;
      files[`${cache}/level`] = `${level}\n`;
      files[`${cache}/type`] = `${type}\n`;
      files[`${cache}/size`] = `${size}K\n`;
      files[`${cache}/coherency_line_size`] = '64\n';
      files[`${cache}/ways_of_associativity`] = '8\n';
      files[`${cache}/shared_cpu_list`] = shared;
    }
  }
  return files;
}

function nodeFiles(spec: Spec): Files {
  const files: Files = {};
  const pool = (at: string, count: number) => {
    files[`${at}/hugepages-2048kB/nr_hugepages`] = `${count}\n`;
    files[`${at}/hugepages-2048kB/free_hugepages`] = `${count >> 1}\n`;
    files[`${at}/hugepages-1048576kB/nr_hugepages`] = '0\n';
  };
  for (const [id, { memory, hugepages = 0 }] of spec.nodes.entries()) {
    const at = `/sys/devices/system/node/node${id}`;
    files[`${at}/cpulist`] = list(spec.cores.filter(({ node }) => node === id));
    files[`${at}/meminfo`] =
      `Node ${id} MemTotal: ${memory * 1024} kB\nNode ${id} MemFree: ${memory * 700} kB\n`;
    const distances = spec.nodes.map((_, other) => (other === id ? 10 : (spec.distance ?? 20)));
    files[`${at}/distance`] = `${distances.join(' ')}\n`;
    pool(`${at}/hugepages`, hugepages);
  }
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  pool('/sys/kernel/mm/hugepages', sum(spec.nodes.map(({ hugepages = 0 }) => hugepages)));
  const total = sum(spec.nodes.map(({ memory }) => memory)) * 1024;
  files['/proc/meminfo'] = `MemTotal: ${total} kB\nMemFree: ${total >> 1} kB\n`;
  return files;
}

function build(spec: Spec): Files {
  const online = list(spec.cores);
  const files: Files = {
    [`${CPU}/online`]: online,
    [`${CPU}/present`]: `${CpuSet.parse(online).union(spec.offline ?? '')}\n`,
    [`${CPU}/possible`]: `0-${CpuSet.parse(online).union(spec.offline ?? '').last}\n`,
    [`${CPU}/offline`]: `${spec.offline ?? ''}\n`,
    [`${CPU}/isolated`]: `${spec.isolated ?? ''}\n`,
    // What some kernels print when there is none.
    [`${CPU}/nohz_full`]: `${spec.nohzFull ?? '(null)'}\n`,
    '/proc/cpuinfo': `processor\t: 0\nmodel name\t: ${spec.model}\n`,
    '/proc/self/status': `Cpus_allowed_list:\t${spec.allowed ?? online}\n`,
    '/proc/self/cgroup': '0::/\n',
    ...nodeFiles(spec),
  };
  for (const [index, core] of spec.cores.entries())
    Object.assign(files, coreFiles(core, index, spec));
  if (spec.named !== undefined) {
    files['/sys/devices/cpu_core/cpus'] = `${spec.named.cpu_core}\n`;
    files['/sys/devices/cpu_atom/cpus'] = `${spec.named.cpu_atom}\n`;
  }
  return files;
}

const times = <T>(count: number, each: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => each(index));

export const MACHINES = {
  /** The smallest virtual machine. */
  single: () =>
    build({
      model: 'Virtual CPU @ 2.20GHz',
      cores: [{ cpus: [0], package: 0, node: 0, l3: 'a' }],
      sizes: { l1d: 32, l1i: 32, l2: 1024, l3: 32768 },
      nodes: [{ memory: 2000 }],
    }),
  /** 2 packages, 2 nodes, 8 cores each on 2 dies of 4, 2 threads; the last cores kept apart. */
  server: () =>
    build({
      model: 'Big Server CPU 8-Core @ 2.60GHz',
      cores: times(16, (core) => ({
        cpus: [core, core + 16],
        package: core >> 3,
        node: core >> 3,
        l3: `${core >> 2}`,
      })),
      sizes: { l1d: 32, l1i: 32, l2: 1024, l3: 16384 },
      nodes: [
        { memory: 128 * 1024, hugepages: 512 },
        { memory: 128 * 1024, hugepages: 256 },
      ],
      distance: 21,
      isolated: '14-15,30-31',
      nohzFull: '14-15,30-31',
      allowed: '0-13,16-29',
    }),
  /** A laptop of 4 fast cores with 2 threads and 8 slow ones, 4 to an L2. */
  hybrid: () =>
    build({
      model: 'Laptop CPU 4P+8E',
      cores: [
        ...times(4, (core) => ({
          cpus: [2 * core, 2 * core + 1],
          package: 0,
          node: 0,
          l3: 'all',
          capacity: 1024,
          maxKhz: 4_900_000,
        })),
        ...times(8, (core) => ({
          cpus: [8 + core],
          package: 0,
          node: 0,
          l3: 'all',
          l2: `e${core >> 2}`,
          cluster: `e${core >> 2}`,
          capacity: 668,
          maxKhz: 3_800_000,
        })),
      ],
      sizes: { l1d: 48, l1i: 32, l2: 2048, l3: 24576 },
      nodes: [{ memory: 32 * 1024 }],
      named: { cpu_core: '0-7', cpu_atom: '8-15' },
    }),
  /** An arm64 server chip: clusters of 4 that share no cache, and three kinds of core. */
  clusters: () =>
    build({
      model: 'arm64 SoC',
      cores: times(12, (core) => ({
        cpus: [core],
        package: 0,
        node: 0,
        l3: 'all',
        cluster: `${core >> 2}`,
        capacity: [444, 871, 1024][core >> 2] ?? 0,
      })),
      sizes: { l1d: 64, l1i: 64, l2: 512, l3: 4096 },
      nodes: [{ memory: 12 * 1024 }],
    }),
  /** CPUs 1, 2 and 7 are switched off; a second node has memory and no CPU. */
  holes: () =>
    build({
      model: 'CPU with holes',
      cores: [0, 3, 4, 5, 6, 200].map((cpu) => ({ cpus: [cpu], package: 0, node: 0, l3: 'a' })),
      sizes: { l1d: 32, l1i: 32, l2: 512, l3: 8192 },
      nodes: [{ memory: 16 * 1024 }, { memory: 64 * 1024 }],
      offline: '1-2,7',
    }),
  /** A container that hides /sys: /proc alone. */
  container: (): Files => ({
    '/proc/cpuinfo': times(
      4,
      (cpu) =>
        `processor\t: ${cpu}\nmodel name\t: Cloud CPU\nphysical id\t: 0\n` +
        `core id\t\t: ${cpu >> 1}\n`,
    ).join('\n'),
    '/proc/meminfo': 'MemTotal: 8000000 kB\nMemFree: 4000000 kB\nMemAvailable: 6000000 kB\n',
    '/proc/self/status': 'Cpus_allowed_list:\t0-1\n',
  }),
} as const satisfies Record<string, () => Files>;

/** Reads `files` as if they were on a disk. */
export function readerOf(files: Files): Reader {
  const folders = new Map<string, Set<string>>();
  for (const path of Object.keys(files)) {
    const parts = path.split('/');
    for (let at = parts.length - 1; at > 0; at--) {
      const folder = parts.slice(0, at).join('/');
      folders.set(folder, (folders.get(folder) ?? new Set()).add(parts[at] ?? ''));
    }
  }
  return { text: (path) => files[path], names: (path) => [...(folders.get(path) ?? [])] };
}

/** Writes `files` below `root`, for programs that take a folder. */
export function writeTree(files: Files, root: string): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
