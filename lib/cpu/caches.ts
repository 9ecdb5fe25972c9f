/** The caches of the CPUs: how large, and shared by whom. */
import { type Reader, readLine, readNumber } from '../proc/read.js';
import type { CpuSet } from './set.js';
import { CpuSet as Cpus } from './set.js';
import { CPUS_FOLDER, listOf } from './sysfs.js';

export interface Cache {
  readonly level: number;
  readonly type: 'data' | 'instruction' | 'unified';
  /** Bytes; undefined where the firmware does not say. */
  readonly size: number | undefined;
  /** Bytes that move together. */
  readonly lineSize: number | undefined;
  /** Lines of one set; undefined for a fully associative cache. */
  readonly ways: number | undefined;
  /** The CPUs that share it. */
  readonly cpus: CpuSet;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

function sizeOf(text: string | undefined): number | undefined {
  const match = /^(\d+)([KMG]?)$/.exec(text ?? '');
  return match === null ? undefined : Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1);
}

/** Sorted from the innermost outwards, then by CPU. */
export function readCaches(online: CpuSet, reader: Reader): Cache[] {
  const caches: Cache[] = [];
  /** By the name of the folder: a shared cache is read at its first CPU only. */
  const seen = new Map<string, CpuSet>();
  for (const cpu of online) {
    const folder = `${CPUS_FOLDER}/cpu${cpu}/cache`;
    for (const name of reader.names(folder)) {
      if (!/^index\d+$/.test(name) || seen.get(name)?.has(cpu)) continue;
      const cache = readCache(`${folder}/${name}`, cpu, online, reader);
      if (cache === undefined) continue;
      seen.set(name, (seen.get(name) ?? Cpus.empty).union(cache.cpus));
      caches.push(cache);
    }
  }
  return caches.sort(
    (a, b) =>
      a.level - b.level ||
      a.type.localeCompare(b.type) ||
      (a.cpus.first ?? 0) - (b.cpus.first ?? 0),
  );
}

function readCache(at: string, cpu: number, online: CpuSet, reader: Reader): Cache | undefined {
  const level = readNumber(`${at}/level`, reader);
  const type = readLine(`${at}/type`, reader)?.toLowerCase();
  if (level === undefined) return undefined;
  if (type !== 'data' && type !== 'instruction' && type !== 'unified') return undefined;
  const ways = readNumber(`${at}/ways_of_associativity`, reader);
  return {
    level,
    type,
    size: sizeOf(readLine(`${at}/size`, reader)),
    lineSize: readNumber(`${at}/coherency_line_size`, reader),
    ways: ways === 0 ? undefined : ways,
    cpus: listOf(readLine(`${at}/shared_cpu_list`, reader))
      .intersection(online)
      .union(cpu),
  };
}
