/** Reads groups of CPUs from /sys, each group once and not once for every CPU of it. */
import { type Reader, readLine, readNumber } from '../proc/read.js';
import { CpuSet } from './set.js';

export const CPUS_FOLDER = '/sys/devices/system/cpu';

/** CPUs that belong together. */
export interface Group {
  /** The kernel's number, which may repeat in another package; -1 where it has none. */
  readonly id: number;
  readonly cpus: CpuSet;
}

/** What a file lists; none where it is missing, or says '(null)' as nohz_full may. */
export function listOf(text: string | undefined): CpuSet {
  if (text === undefined || !/^[\d,:/-]+$/.test(text)) return CpuSet.empty;
  try {
    return CpuSet.parse(text);
  } catch {
    return CpuSet.empty;
  }
}

export interface GroupSource {
  /** Files below `topology/`, the first that is there counting. */
  readonly files: readonly string[];
  /** The file of its number. */
  readonly id: string;
  /** Where no file is. */
  readonly otherwise: (cpu: number) => CpuSet;
}

export function readGroups(online: CpuSet, source: GroupSource, reader: Reader): Group[] {
  const groups: Group[] = [];
  let rest = online;
  for (const cpu of online) {
    if (!rest.has(cpu)) continue;
    const folder = `${CPUS_FOLDER}/cpu${cpu}/topology`;
    const listed = source.files.map((file) => listOf(readLine(`${folder}/${file}`, reader)));
    const found = listed.find((set) => set.has(cpu)) ?? source.otherwise(cpu);
    // Whatever was found, each CPU is in one group.
    const cpus = found.intersection(rest).union(cpu);
    groups.push({ id: readNumber(`${folder}/${source.id}`, reader) ?? -1, cpus });
    rest = rest.difference(cpus);
  }
  return groups;
}

/** What /proc/cpuinfo says, for containers that hide /sys. */
export function siblingsFromCpuinfo(reader: Reader): {
  model: string | undefined;
  online: CpuSet;
  packages: CpuSet[];
  cores: CpuSet[];
} {
  const text = reader.text('/proc/cpuinfo') ?? '';
  const packages = new Map<string, number[]>();
  const cores = new Map<string, number[]>();
  const online: number[] = [];
  for (const block of text.split(/\n\s*\n/)) {
    const field = (name: string) => new RegExp(`^${name}\\s*: (\\d+)$`, 'm').exec(block)?.[1];
    const cpu = field('processor');
    if (cpu === undefined) continue;
    online.push(Number(cpu));
    const place = field('physical id');
    const core = field('core id');
    if (place === undefined || core === undefined) continue;
    packages.set(place, [...(packages.get(place) ?? []), Number(cpu)]);
    const both = `${place} ${core}`;
    cores.set(both, [...(cores.get(both) ?? []), Number(cpu)]);
  }
  const sets = (groups: Map<string, number[]>) =>
    [...groups.values()].map((cpus) => CpuSet.from(cpus));
  return {
    model: /^(?:model name|Model|cpu model)\s*: (.*\S)/m.exec(text)?.[1],
    online: CpuSet.from(online),
    packages: sets(packages),
    cores: sets(cores),
  };
}
