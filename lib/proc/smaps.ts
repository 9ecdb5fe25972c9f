/** Memory areas of this process as the kernel keeps them: /proc/self/smaps and numa_maps. */
import { type Reader, system } from './read.js';

/** One area; neighbours that are alike are one to the kernel. */
export interface MappedArea {
  readonly start: number;
  readonly end: number;
  /** Whatever was put after the address: a path, or a name in brackets. */
  readonly name: string;
  /** Bytes mapped by more than one ordinary page at once. */
  readonly hugeBytes: number;
  readonly locked: boolean;
}

const HUGE_FIELDS =
  /^(?:AnonHugePages|ShmemPmdMapped|FilePmdMapped|Shared_Hugetlb|Private_Hugetlb):\s+(\d+) kB$/;

/** The areas that have something in common with the addresses from `from` up to `to`. */
export function readMappedAreas(from: number, to: number, reader: Reader = system): MappedArea[] {
  const areas: MappedArea[] = [];
  let area: { -readonly [Key in keyof MappedArea]: MappedArea[Key] } | undefined;
  for (const line of (reader.text('/proc/self/smaps') ?? '').split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/.exec(line);
    if (head !== null) {
      const [start, end] = [Number.parseInt(head[1] ?? '', 16), Number.parseInt(head[2] ?? '', 16)];
      area = { start, end, name: head[3] ?? '', hugeBytes: 0, locked: false };
      if (start < to && end > from) areas.push(area);
    }
    if (area === undefined) continue;
    area.hugeBytes += Number(HUGE_FIELDS.exec(line)?.[1] ?? 0) * 1024;
    if (line.startsWith('VmFlags:')) area.locked = / lo( |$)/.test(line);
  }
  return areas;
}

/** Bytes by node of the area that begins at `start`. */
export function readNodePages(start: number, reader: Reader = system): Map<number, number> {
  const found = new Map<number, number>();
  const wanted = start.toString(16).padStart(8, '0');
  for (const line of (reader.text('/proc/self/numa_maps') ?? '').split('\n')) {
    if (!line.startsWith(`${wanted} `)) continue;
    const page = Number(/kernelpagesize_kB=(\d+)/.exec(line)?.[1] ?? 4) * 1024;
    for (const [, node, count] of line.matchAll(/ N(\d+)=(\d+)/g)) {
      found.set(Number(node), Number(count) * page);
    }
  }
  return found;
}
