/** What of a mapping is in memory: with which pages, on which nodes, locked or swapped out. */
import { closeSync, openSync, readSync } from 'node:fs';
import { PAGE_IS_HUGE } from '../abi.js';
import { native } from '../native.js';
import { type MappedArea, readMappedAreas, readNodePages } from '../proc/smaps.js';
import { invalidType } from '../validate.js';
import { Mapping } from './mapping.js';
import { eachPageNode, mayAskPages } from './nodes.js';
import { PAGE_BYTES, TRANSPARENT_BYTES } from './pages.js';

const ENTRIES_AT_ONCE = 65_536;
const AREAS_AT_ONCE = 1024;
/** Bits 62 and 63 of a pagemap entry, in its upper half. */
const PRESENT = 1 << 31;
const SWAPPED = 1 << 30;

/** All in bytes. */
export interface Residency {
  readonly size: number;
  readonly resident: number;
  readonly swapped: number;
  readonly locked: number;
  /** By the size of the pages that are truly there. */
  readonly pageSizes: ReadonlyMap<number, number>;
  /** By node; empty where the kernel does not say. */
  readonly nodes: ReadonlyMap<number, number>;
  /**
   * False when `pageSizes` or `nodes` is of a larger area than this mapping: kernels before 6.7 put
   * neighbours together.
   */
  readonly exact: boolean;
}

/**
 * Looks at every page of `mapping`. It takes about 10 ns for each, and a walk over all memory of
 * the process: not for hot paths.
 *
 * @kernel 2.6.25; exact page sizes of transparent hugepages from 6.7 on
 * @man proc_pid_pagemap(5), proc_pid_smaps(5), move_pages(2)
 */
export function residency(mapping: Mapping): Residency {
  if (!(mapping instanceof Mapping) || mapping.disposed) {
    throw invalidType('mapping', 'a Mapping that is not disposed', mapping);
  }
  const { address, size } = mapping;
  const areas = readMappedAreas(address, address + size);
  const pagemap = openSync('/proc/self/pagemap', 'r');
  try {
    const { resident, swapped, locked } = countPages(pagemap, mapping, areas);
    const huge = hugeBytes(pagemap, mapping, areas, resident);
    const placed = nodeBytes(mapping, areas);
    return {
      size,
      resident,
      swapped,
      locked,
      pageSizes: sizes(mapping, resident, huge.bytes),
      nodes: placed.bytes,
      exact: huge.exact && placed.exact,
    };
  } finally {
    closeSync(pagemap);
  }
}

function countPages(
  pagemap: number,
  { address, size }: Mapping,
  areas: readonly MappedArea[],
): { resident: number; swapped: number; locked: number } {
  const found = { resident: 0, swapped: 0, locked: 0 };
  const entries = new Uint32Array(2 * ENTRIES_AT_ONCE);
  for (const area of areas) {
    const end = Math.min(address + size, area.end);
    let present = 0;
    for (let at = Math.max(address, area.start); at < end; ) {
      const count = Math.min(ENTRIES_AT_ONCE, Math.ceil((end - at) / PAGE_BYTES));
      const bytes = readSync(pagemap, entries, 0, count * 8, (at / PAGE_BYTES) * 8);
      for (let index = 1; index < bytes / 4; index += 2) {
        const word = entries[index] as number;
        if (word & PRESENT) present += PAGE_BYTES;
        else if (word & SWAPPED) found.swapped += PAGE_BYTES;
      }
      if (bytes === 0) break;
      at += (bytes / 8) * PAGE_BYTES;
    }
    found.resident += present;
    if (area.locked) found.locked += present;
  }
  return found;
}

/** Bytes in pages above the ordinary size. */
function hugeBytes(
  pagemap: number,
  mapping: Mapping,
  areas: readonly MappedArea[],
  resident: number,
): { bytes: number; exact: boolean } {
  if (mapping.pageSize > PAGE_BYTES) return { bytes: resident, exact: true };
  const scanned = scanHuge(pagemap, mapping);
  if (scanned !== undefined) return { bytes: scanned, exact: true };
  const bytes = areas.reduce((sum, area) => sum + area.hugeBytes, 0);
  const inside = areas.every(({ start, end }) => inMapping(mapping, start, end));
  return { bytes: Math.min(bytes, resident), exact: bytes === 0 || inside };
}

/** PAGEMAP_SCAN, undefined on kernels without it. */
function scanHuge(pagemap: number, { region, address, size }: Mapping): number | undefined {
  const found = new BigUint64Array(3 * AREAS_AT_ONCE);
  const whole = Math.ceil(size / PAGE_BYTES) * PAGE_BYTES;
  let bytes = 0;
  for (let offset = 0; offset < whole; ) {
    const length = Math.min(whole, size) - offset;
    const count = native.pagemapScan(region, offset, length, pagemap, PAGE_IS_HUGE, found);
    if (count < 0) return undefined;
    for (let index = 0; index < count; index++) {
      bytes += Number((found[3 * index + 1] as bigint) - (found[3 * index] as bigint));
    }
    if (count < AREAS_AT_ONCE) break;
    offset = Number(found[3 * (count - 1) + 1]) - address;
  }
  return bytes;
}

function sizes(mapping: Mapping, resident: number, huge: number): Map<number, number> {
  const found = new Map<number, number>();
  if (resident > huge) found.set(PAGE_BYTES, resident - huge);
  const size = mapping.pageSize > PAGE_BYTES ? mapping.pageSize : TRANSPARENT_BYTES;
  if (huge > 0) found.set(size, huge);
  return found;
}

function nodeBytes(
  mapping: Mapping,
  areas: readonly MappedArea[],
): { bytes: Map<number, number>; exact: boolean } {
  const bytes = new Map<number, number>();
  const add = (node: number, more: number): void => {
    if (node >= 0) bytes.set(node, (bytes.get(node) ?? 0) + more);
  };
  if (mayAskPages(mapping)) {
    const whole = { offset: 0, length: mapping.size };
    eachPageNode(mapping, whole, (node) => add(node, mapping.pageSize));
    return { bytes, exact: true };
  }
  let exact = true;
  for (const { start, end } of areas) {
    for (const [node, more] of readNodePages(start)) add(node, more);
    exact &&= inMapping(mapping, start, end);
  }
  return { bytes, exact };
}

function inMapping({ address, size }: Mapping, start: number, end: number): boolean {
  return start >= address && end <= Math.ceil((address + size) / PAGE_BYTES) * PAGE_BYTES;
}
