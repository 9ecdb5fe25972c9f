/** Fast and slow CPUs of one machine, and how fast each may run. */
import { type Reader, readLine, readNumber } from '../proc/read.js';
import { CpuSet } from './set.js';
import { CPUS_FOLDER, listOf } from './sysfs.js';

/** Of one CPU, in kHz. */
export interface Frequency {
  readonly minKhz: number | undefined;
  readonly maxKhz: number | undefined;
  readonly baseKhz: number | undefined;
  readonly currentKhz: number | undefined;
  readonly governor: string | undefined;
}

/** CPUs that are alike, where not all are. */
export interface CpuKind {
  /** 'performance', 'efficiency', 'low-power'; 'middle' for what lies between, 'middle-2' below. */
  readonly name: string;
  readonly cpus: CpuSet;
  /** 1024 is the fastest CPU; undefined where only their names are known. */
  readonly capacity: number | undefined;
  readonly maxKhz: number | undefined;
}

/** Undefined where the frequency is nobody's business: in most virtual machines. */
export function readFrequency(cpu: number, reader: Reader): Frequency | undefined {
  const at = `${CPUS_FOLDER}/cpu${cpu}/cpufreq`;
  const maxKhz = readNumber(`${at}/cpuinfo_max_freq`, reader);
  if (maxKhz === undefined) return undefined;
  return {
    minKhz: readNumber(`${at}/cpuinfo_min_freq`, reader),
    maxKhz,
    baseKhz: readNumber(`${at}/base_frequency`, reader),
    currentKhz: readNumber(`${at}/scaling_cur_freq`, reader),
    governor: readLine(`${at}/scaling_governor`, reader),
  };
}

/** The drivers of Intel's counters know which CPU is which. */
const NAMED = [
  ['performance', '/sys/devices/cpu_core/cpus'],
  ['efficiency', '/sys/devices/cpu_atom/cpus'],
  ['low-power', '/sys/devices/cpu_lowpower/cpus'],
] as const;

export function readKinds(online: CpuSet, reader: Reader): CpuKind[] {
  const capacityOf = (cpu: number) => readNumber(`${CPUS_FOLDER}/cpu${cpu}/cpu_capacity`, reader);
  const kindOf = (name: string, cpus: CpuSet): CpuKind => ({
    name,
    cpus,
    capacity: capacityOf(cpus.first ?? 0),
    maxKhz: readNumber(`${CPUS_FOLDER}/cpu${cpus.first}/cpufreq/cpuinfo_max_freq`, reader),
  });
  const named = NAMED.map(([name, path]) =>
    kindOf(name, listOf(readLine(path, reader)).intersection(online)),
  ).filter(({ cpus }) => !cpus.isEmpty);
  if (named.length > 1) return named;
  const byCapacity = new Map<number, number[]>();
  for (const cpu of online) {
    const capacity = capacityOf(cpu);
    if (capacity === undefined) return [];
    byCapacity.set(capacity, [...(byCapacity.get(capacity) ?? []), cpu]);
  }
  if (byCapacity.size < 2) return [];
  const sorted = [...byCapacity].sort(([a], [b]) => b - a);
  return sorted.map(([, cpus], index) => {
    const middle = index === 1 ? 'middle' : `middle-${index}`;
    const name = index === 0 ? 'performance' : index === sorted.length - 1 ? 'efficiency' : middle;
    return kindOf(name, CpuSet.from(cpus));
  });
}
