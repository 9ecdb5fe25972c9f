/** The memory of the machine, whole and by NUMA node, as far as it concerns CPUs. */
import { type HugepagePool, type Reader, readHugepagePools, readLine } from '../proc/read.js';
import type { CpuSet } from './set.js';
import { listOf } from './sysfs.js';

export interface MemoryNode {
  readonly id: number;
  /** None on a node of memory alone. */
  readonly cpus: CpuSet;
  /** Bytes. */
  readonly total: number | undefined;
  readonly free: number | undefined;
  /** To each node in order of id; 10 is this node itself. */
  readonly distances: readonly number[];
  readonly hugepages: readonly HugepagePool[];
}

const FOLDER = '/sys/devices/system/node';

function bytesOf(text: string, field: string): number | undefined {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

export function readMemory(reader: Reader): {
  total: number | undefined;
  available: number | undefined;
} {
  const text = reader.text('/proc/meminfo') ?? '';
  return { total: bytesOf(text, 'MemTotal'), available: bytesOf(text, 'MemAvailable') };
}

/** One node of everything where the kernel knows none. */
export function readNodes(online: CpuSet, reader: Reader): MemoryNode[] {
  const ids = reader.names(FOLDER).map((name) => /^node(\d+)$/.exec(name)?.[1]);
  const nodes = ids
    .filter((id) => id !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
    .map((id) => readNode(id, online, reader));
  if (nodes.length > 0) return nodes;
  const text = reader.text('/proc/meminfo') ?? '';
  const whole = { total: bytesOf(text, 'MemTotal'), free: bytesOf(text, 'MemFree') };
  return [{ id: 0, cpus: online, ...whole, distances: [10], hugepages: readHugepagePools(reader) }];
}

function readNode(id: number, online: CpuSet, reader: Reader): MemoryNode {
  const at = `${FOLDER}/node${id}`;
  const memory = reader.text(`${at}/meminfo`) ?? '';
  const distances = readLine(`${at}/distance`, reader)?.split(/\s+/).map(Number) ?? [];
  return {
    id,
    cpus: listOf(readLine(`${at}/cpulist`, reader)).intersection(online),
    total: bytesOf(memory, 'MemTotal'),
    free: bytesOf(memory, 'MemFree'),
    distances,
    hugepages: readHugepagePools(reader, `${at}/hugepages`),
  };
}
