/** What the machine is made of: packages, dies, clusters, cores, caches and nodes. */

import { readCpuset } from '../proc/cpuset.js';
import { type Cgroup, readCgroup } from '../proc/machine.js';
import {
  type HugepagePool,
  type Reader,
  readConfinement,
  readHugepagePools,
  readLine,
  rootedAt,
} from '../proc/read.js';
import { invalidType, onlyKeys } from '../validate.js';
import { type Cache, readCaches } from './caches.js';
import { type CpuKind, type Frequency, readFrequency, readKinds } from './kinds.js';
import { type MemoryNode, readMemory, readNodes } from './nodes.js';
import { CpuSet } from './set.js';
import { CPUS_FOLDER, type Group, listOf, readGroups, siblingsFromCpuinfo } from './sysfs.js';

/** A logical CPU that is online. */
export interface Cpu {
  readonly id: number;
  /** Indices into `packages`, `dies`, `clusters` and `cores`; undefined where there is none. */
  readonly package: number;
  readonly die: number | undefined;
  readonly cluster: number | undefined;
  readonly core: number;
  /** The id of its NUMA node. */
  readonly node: number | undefined;
  /** 0 for the first logical CPU of its core, 1 for the second. */
  readonly thread: number;
  /** Its share of the fastest CPU's speed, 1024 being all of it; undefined where all are alike. */
  readonly capacity: number | undefined;
  readonly kind: string | undefined;
  readonly frequency: Frequency | undefined;
  /** Kept free of the scheduler's balancing (isolcpus=). */
  readonly isolated: boolean;
  /** Without a timer tick while it runs one thread (nohz_full=). */
  readonly nohzFull: boolean;
}

/** The whole machine as the kernel describes it. Sets turn into lists by `JSON.stringify`. */
export interface Topology {
  readonly model: string | undefined;
  readonly online: CpuSet;
  /** There, and switched off. */
  readonly offline: CpuSet;
  readonly possible: CpuSet;
  readonly isolated: CpuSet;
  readonly nohzFull: CpuSet;
  /** Those that this thread may use now. */
  readonly allowed: CpuSet;
  readonly cpus: readonly Cpu[];
  readonly cores: readonly Group[];
  /** Cores that share more than others do; none where they are only cores or whole dies. */
  readonly clusters: readonly Group[];
  /** None where each package has one. */
  readonly dies: readonly Group[];
  readonly packages: readonly Group[];
  readonly caches: readonly Cache[];
  readonly nodes: readonly MemoryNode[];
  /** Fast and slow CPUs, the fastest first; none where all are alike. */
  readonly kinds: readonly CpuKind[];
  /** Bytes. */
  readonly memory: { readonly total: number | undefined; readonly available: number | undefined };
  readonly hugepages: readonly HugepagePool[];
  readonly cgroup: Cgroup & {
    readonly cpus: CpuSet | undefined;
    readonly mems: string | undefined;
  };
}

export interface TopologyOptions {
  /** A folder with copies of /sys and /proc. Default '/'. */
  root?: string;
}

/**
 * Reads the topology. On a machine that hides /sys, what /proc/cpuinfo says is taken, and what
 * nobody says is left out; nothing throws.
 *
 * @man sysfs(5), cpuset(7)
 */
export function topology(options: TopologyOptions = {}): Topology {
  onlyKeys('options', options, ['root']);
  const { root = '/' } = options;
  if (typeof root !== 'string') throw invalidType('options.root', 'a folder', root);
  return readTopology(rootedAt(root));
}

/** @internal */
export function readTopology(reader: Reader): Topology {
  const allowed = listOf(readConfinement(reader).cpusAllowed);
  const told = siblingsFromCpuinfo(reader);
  const file = (name: string) => listOf(readLine(`${CPUS_FOLDER}/${name}`, reader));
  const online = firstOf(file('online'), told.online, allowed, CpuSet.of(0));
  const groups = readAllGroups(online, told, reader);
  const nodes = readNodes(online, reader);
  const isolated = file('isolated');
  const nohzFull = file('nohz_full');
  const kinds = readKinds(online, reader);
  return {
    model: told.model,
    online,
    offline: file('offline').intersection(firstOf(file('present'), online)),
    possible: firstOf(file('possible'), online),
    isolated,
    nohzFull,
    allowed: firstOf(allowed.intersection(online), online),
    cpus: describeCpus(online, { ...groups, nodes, kinds, isolated, nohzFull }, reader),
    ...groups,
    caches: readCaches(online, reader),
    nodes,
    kinds,
    memory: readMemory(reader),
    hugepages: readHugepagePools(reader),
    cgroup: {
      ...readCgroup(reader),
      cpus: optional(readCpuset('cpus', reader)),
      mems: readCpuset('mems', reader),
    },
  };
}

function firstOf(...sets: CpuSet[]): CpuSet {
  return sets.find((set) => !set.isEmpty) ?? CpuSet.empty;
}

function optional(list: string | undefined): CpuSet | undefined {
  return list === undefined ? undefined : listOf(list);
}

type Groups = Pick<Topology, 'packages' | 'dies' | 'clusters' | 'cores'>;

function readAllGroups(
  online: CpuSet,
  told: ReturnType<typeof siblingsFromCpuinfo>,
  reader: Reader,
): Groups {
  const read = (files: readonly string[], id: string, otherwise: (cpu: number) => CpuSet) =>
    readGroups(online, { files, id, otherwise }, reader);
  const packages = read(
    ['package_cpus_list', 'core_siblings_list'],
    'physical_package_id',
    (cpu) => told.packages.find((set) => set.has(cpu)) ?? online,
  );
  const cores = read(
    ['core_cpus_list', 'thread_siblings_list'],
    'core_id',
    (cpu) => told.cores.find((set) => set.has(cpu)) ?? CpuSet.of(cpu),
  );
  const alone = (cpu: number) => CpuSet.of(cpu);
  const dies = read(['die_cpus_list'], 'die_id', alone);
  const clusters = read(['cluster_cpus_list'], 'cluster_id', alone);
  const tells = (some: readonly Group[], ...known: (readonly Group[])[]) =>
    known.every((others) => !sameSets(some, others)) && some.some(({ cpus }) => cpus.size > 1);
  return {
    packages,
    dies: tells(dies, packages, cores) ? dies : [],
    clusters: tells(clusters, packages, dies, cores) ? clusters : [],
    cores,
  };
}

function sameSets(some: readonly Group[], others: readonly Group[]): boolean {
  return some.every(({ cpus }) => others.some((other) => other.cpus.equals(cpus)));
}

function describeCpus(
  online: CpuSet,
  from: Groups & Pick<Topology, 'nodes' | 'kinds' | 'isolated' | 'nohzFull'>,
  reader: Reader,
): Cpu[] {
  const indexIn = (groups: readonly Group[], cpu: number) => {
    const index = groups.findIndex(({ cpus }) => cpus.has(cpu));
    return index < 0 ? undefined : index;
  };
  return [...online].map((id) => {
    const core = indexIn(from.cores, id) ?? 0;
    const kind = from.kinds.find(({ cpus }) => cpus.has(id));
    return {
      id,
      package: indexIn(from.packages, id) ?? 0,
      die: indexIn(from.dies, id),
      cluster: indexIn(from.clusters, id),
      core,
      node: from.nodes.find(({ cpus }) => cpus.has(id))?.id,
      thread: from.cores[core]?.cpus.toArray().indexOf(id) ?? 0,
      capacity: kind?.capacity,
      kind: kind?.name,
      frequency: readFrequency(id, reader),
      isolated: from.isolated.has(id),
      nohzFull: from.nohzFull.has(id),
    };
  });
}
