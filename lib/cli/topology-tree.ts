/** The machine as boxes in boxes, for whoever draws it: what holds the same CPUs nests by rank. */
import type { Cache, Cpu, CpuSet, MemoryNode, Topology } from '../cpu/index.js';
import { formatBytes } from '../proc/read.js';

export type BoxKind = 'machine' | 'package' | 'node' | 'die' | 'cache' | 'cluster' | 'core' | 'cpu';

export interface Box {
  readonly kind: BoxKind;
  /** 'L3', 'Package 0'. */
  readonly name: string;
  /** What there is to say of it: '32 MiB'. */
  readonly facts: readonly string[];
  readonly cpus: CpuSet;
  readonly children: Box[];
  /** Of a cache. */
  readonly level?: number;
  /** Of a logical CPU. */
  readonly cpu?: Cpu;
  /** Of a core of one kind: 'performance'. */
  readonly speed?: string | undefined;
}

/** From the outside inwards. */
const RANK: Readonly<Record<BoxKind, number>> = {
  machine: 0,
  package: 1,
  node: 2,
  die: 3,
  cache: 4,
  cluster: 5,
  core: 6,
  cpu: 7,
};

/** 15.6 GiB, 512 MiB: as many digits as help. */
export function roughBytes(bytes: number | undefined): string {
  if (bytes === undefined) return '?';
  const exact = formatBytes(bytes);
  if (/^\d{1,3} [KMGT]iB$/.test(exact)) return exact;
  for (const [unit, size] of [
    ['TiB', 2 ** 40],
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} B`;
}

export function nodeFacts(node: MemoryNode): string[] {
  const free = node.free === undefined ? [] : [`${roughBytes(node.free)} free`];
  const pools = node.hugepages
    .filter(({ total }) => total > 0)
    .map(({ size, total, free: left }) => `${left} of ${total} × ${formatBytes(size)} pages free`);
  return [...(node.total === undefined ? [] : [roughBytes(node.total)]), ...free, ...pools];
}

function cacheBoxes(caches: readonly Cache[]): Box[] {
  const boxes: Box[] = [];
  for (const cache of caches) {
    const letter = cache.type === 'data' ? 'd' : cache.type === 'instruction' ? 'i' : '';
    const size = cache.size === undefined ? [] : [roughBytes(cache.size)];
    // The two halves of the innermost level share one box.
    const half = boxes.find(({ level, cpus }) => level === cache.level && cpus.equals(cache.cpus));
    if (half !== undefined && letter !== '') {
      const merged = { ...half, facts: [...half.facts, `L${cache.level}${letter} ${size}`.trim()] };
      boxes[boxes.indexOf(half)] = merged;
      continue;
    }
    boxes.push({
      kind: 'cache',
      name: `L${cache.level}${letter}`,
      facts: size,
      cpus: cache.cpus,
      children: [],
      level: cache.level,
    });
  }
  return boxes;
}

function allBoxes(machine: Topology): Box[] {
  const groups = (kind: BoxKind, name: string, some: readonly { id: number; cpus: CpuSet }[]) =>
    some.map(
      ({ id, cpus }, index): Box => ({
        kind,
        name: `${name} ${id < 0 || id > 65_534 ? index : id}`,
        facts: [],
        cpus,
        children: [],
      }),
    );
  const cores = groups('core', 'Core', machine.cores).map((box) => ({
    ...box,
    speed: machine.kinds.find(({ cpus }) => box.cpus.isSubsetOf(cpus))?.name,
  }));
  const nodes = machine.nodes.map(
    (node): Box => ({
      kind: 'node',
      name: `NUMA node ${node.id}`,
      facts: nodeFacts(node),
      cpus: node.cpus,
      children: [],
    }),
  );
  const cpus = machine.cpus.map(
    (cpu): Box => ({
      kind: 'cpu',
      name: `${cpu.id}`,
      facts: [],
      cpus: machine.online.filter((id) => id === cpu.id),
      children: [],
      cpu,
    }),
  );
  return [
    ...groups('package', 'Package', machine.packages),
    ...nodes,
    ...groups('die', 'Die', machine.dies),
    ...cacheBoxes(machine.caches),
    ...groups('cluster', 'Cluster', machine.clusters),
    ...cores,
    ...cpus,
  ];
}

/** Each box goes into the smallest that holds it whole; nodes without CPUs come last. */
export function treeOf(machine: Topology): Box {
  const online = `${machine.online.size === 1 ? 'CPU' : 'CPUs'} ${machine.online}`;
  const memory =
    machine.memory.total === undefined ? [] : [`${roughBytes(machine.memory.total)} of memory`];
  const root: Box = {
    kind: 'machine',
    name: machine.model ?? 'Machine',
    facts: machine.online.size === 1 ? memory : [`${machine.online.size} CPUs`, ...memory],
    cpus: machine.online,
    children: [],
  };
  const boxes = allBoxes(machine)
    .filter(({ kind, cpus }) => kind === 'node' || !cpus.isEmpty)
    .map((box, index) => ({ box, index }))
    .sort((a, b) => order(a.box, b.box) || a.index - b.index);
  const placed: Box[] = [root];
  for (const { box } of boxes) {
    if (isSaidAlready(box, placed)) continue;
    const holder = box.cpus.isEmpty
      ? root
      : placed.findLast(({ kind, cpus }) => kind !== 'cpu' && box.cpus.isSubsetOf(cpus));
    (holder ?? root).children.push(box);
    placed.push(box);
  }
  sortTree(root);
  return { ...root, facts: [...root.facts, online] };
}

function order(a: Box, b: Box): number {
  return (
    b.cpus.size - a.cpus.size || RANK[a.kind] - RANK[b.kind] || (b.level ?? 0) - (a.level ?? 0)
  );
}

/** A cluster around what one cache serves says nothing that the cache does not. */
function isSaidAlready(box: Box, placed: readonly Box[]): boolean {
  return (
    box.kind === 'cluster' &&
    placed.some(({ kind, cpus }) => kind === 'cache' && cpus.equals(box.cpus))
  );
}

function sortTree(box: Box): void {
  box.children.sort(
    (a, b) => (a.cpus.first ?? Number.MAX_SAFE_INTEGER) - (b.cpus.first ?? Number.MAX_SAFE_INTEGER),
  );
  for (const child of box.children) sortTree(child);
}

const HOLDS_CORES: readonly BoxKind[] = ['machine', 'package', 'node', 'die'];

/**
 * A box and those that it alone contains, as far down as nothing branches: drawn as one. A core
 * with its caches stays apart from what holds it.
 */
export function chainOf(box: Box): { chain: Box[]; children: Box[] } {
  const chain = [box];
  let { children } = box;
  for (;;) {
    const [only] = children;
    const last = chain.at(-1);
    if (children.length !== 1 || only === undefined || only.kind === 'cpu') break;
    if (last && HOLDS_CORES.includes(last.kind) && !HOLDS_CORES.includes(only.kind)) {
      if (isLeaf(only)) break;
    }
    chain.push(only);
    ({ children } = only);
  }
  return { chain, children };
}

/** A core, alone or inside of caches of its own. */
export function isLeaf(box: Box): boolean {
  const [only] = box.children;
  if (box.children.length === 1 && only !== undefined && only.kind !== 'cpu') return isLeaf(only);
  return box.children.length > 0 && box.children.every(({ kind }) => kind === 'cpu');
}
