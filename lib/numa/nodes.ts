/** The nodes of this machine: their CPUs and memory, and how far apart they are. */
import { parseList, readNumaNodes } from '../proc/machine.js';
import {
  type HugepagePool,
  type Reader,
  readHugepagePools,
  readLine,
  system,
} from '../proc/read.js';
import { integer, invalidType, outOfRange } from '../validate.js';

/** One node. Sizes are bytes, and 0 where the kernel does not say. */
export interface NumaNode {
  readonly id: number;
  /** Empty for a node that has memory only. */
  readonly cpus: readonly number[];
  /** 0 for a node that has CPUs only. */
  readonly total: number;
  readonly free: number;
  /** Free, or a cache that the kernel can drop. */
  readonly available: number;
  /** By node: 10 to itself, and more to those farther away. */
  readonly distances: ReadonlyMap<number, number>;
  readonly hugepages: readonly HugepagePool[];
}

/** Of a kernel without NUMA: everything is on node 0. */
function onlyNode(reader: Reader): NumaNode {
  const memory = reader.text('/proc/meminfo') ?? '';
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(memory)?.[1] ?? 0) * 1024;
  return {
    id: 0,
    cpus: parseList(readLine('/sys/devices/system/cpu/online', reader)),
    total: bytes('MemTotal'),
    free: bytes('MemFree'),
    available: bytes('MemAvailable'),
    distances: new Map([[0, 10]]),
    hugepages: readHugepagePools(reader),
  };
}

/** Every node that is online, by its number. A machine without NUMA has one, node 0. */
export function nodes(reader: Reader = system): NumaNode[] {
  const found = readNumaNodes(reader);
  if (found.length === 0) return [onlyNode(reader)];
  return found.map(({ node, cpus, total = 0, free = 0, available = 0, distances }) => ({
    id: node,
    cpus: parseList(cpus),
    total,
    free,
    available,
    distances: new Map(found.map((other, index) => [other.node, distances[index] ?? 10])),
    hugepages: readHugepagePools(reader, `/sys/devices/system/node/node${node}/hugepages`),
  }));
}

/** How far `from` is from `to`: 10 is the node itself, 20 means twice as long. */
export function distance(from: number, to: number, reader: Reader = system): number {
  const known = nodes(reader);
  const start = known.find(({ id }) => id === from);
  if (start === undefined) throw noSuchNode('from', from, known);
  const found = start.distances.get(to);
  if (found === undefined) throw noSuchNode('to', to, known);
  return found;
}

/** The node whose memory is nearest to `cpu`: its own, or the next one that has memory. */
export function localTo(cpu: number, reader: Reader = system): number {
  integer('cpu', cpu, 0, 2 ** 20);
  const known = nodes(reader);
  const own = known.find(({ cpus }) => cpus.includes(cpu));
  if (own === undefined) {
    throw outOfRange('cpu', `a CPU that is online: ${readLine(ONLINE, reader) ?? 'unknown'}`, cpu);
  }
  if (own.total > 0) return own.id;
  const away = ({ id }: NumaNode): number => own.distances.get(id) ?? Infinity;
  const near = known.filter(({ total }) => total > 0).sort((a, b) => away(a) - away(b));
  return near[0]?.id ?? own.id;
}

const ONLINE = '/sys/devices/system/cpu/online';

/** Checks that `value` is the number of a node that there is. */
export function nodeNumber(name: string, value: unknown, known: readonly NumaNode[]): number {
  if (typeof value !== 'number') throw invalidType(name, 'the number of a node', value);
  if (known.some(({ id }) => id === value)) return value;
  throw noSuchNode(name, value, known);
}

function noSuchNode(name: string, value: unknown, known: readonly NumaNode[]): RangeError {
  const ids = known.map(({ id }) => id);
  const range = ids.length === 1 ? `${ids[0]}, the only node here` : `one of ${ids.join(', ')}`;
  return outOfRange(name, range, value);
}
