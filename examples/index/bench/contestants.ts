/** Who reads: the index, lmdb, a Map, and an array in order. */
import type { OrderedIndex } from '../ordered-index.js';
import { entries } from './data.js';
import type { Lmdb } from './lmdb.js';
import type { Contestant } from './rounds.js';

const BATCH = 500;
export const SCAN = 100;

/** What the index is compared with. */
export interface Others {
  readonly lmdb: Lmdb | undefined;
  readonly map: ReadonlyMap<string, Buffer>;
  readonly sorted: SortedArray;
}

export class SortedArray {
  readonly keys: string[] = [];
  readonly values: Buffer[] = [];

  /** How many keys come before `key`. */
  search(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A Map and an array with `count` entries. */
export function inHeap(count: number): Pick<Others, 'map' | 'sorted'> {
  const map = new Map<string, Buffer>();
  const sorted = new SortedArray();
  for (const { key, value } of entries(count)) {
    const copy = Buffer.from(value);
    map.set(key, copy);
    sorted.keys.push(key);
    sorted.values.push(copy);
  }
  return { map, sorted };
}

/** Calls `read` with one key after the other; its answers are used, lest they be left out. */
function reading(
  name: string,
  keys: readonly string[],
  read: (key: string) => number,
): Contestant & { sum: number } {
  let at = 0;
  return {
    name,
    sum: 0,
    turn() {
      for (let count = 0; count < BATCH; count++) {
        this.sum += read(keys[at] as string);
        at = at + 1 === keys.length ? 0 : at + 1;
      }
      return BATCH;
    },
  };
}

const first = (value: Buffer | undefined): number => (value as Buffer)[0] as number;

export function points(index: OrderedIndex, { lmdb, map }: Others, keys: string[]): Contestant[] {
  const ours = [
    reading('index.get, a copy', keys, (key) => first(index.get(key))),
    reading('index.view, in place', keys, (key) => first(index.view(key))),
    reading('Map.get', keys, (key) => first(map.get(key))),
  ];
  if (lmdb === undefined) return ours;
  return [
    ...ours,
    reading('lmdb getBinary, a copy', keys, (key) => first(lmdb.getBinary(key))),
    reading('lmdb getBinaryFast, reused', keys, (key) => first(lmdb.getBinaryFast(key))),
  ];
}

function scanned(index: OrderedIndex, from: string): number {
  let sum = 0;
  index.scan({ from, limit: SCAN }, (bytes, key, value) => {
    sum += value - key + (bytes[value] as number);
  });
  return sum;
}

function listed(sorted: SortedArray, from: string): number {
  let sum = 0;
  const start = sorted.search(from);
  const end = Math.min(start + SCAN, sorted.keys.length);
  for (let at = start; at < end; at++) {
    sum += (sorted.keys[at] as string).length + first(sorted.values[at]);
  }
  return sum;
}

function summed(entries: Iterable<{ key: string | Buffer; value: Buffer }>): number {
  let sum = 0;
  for (const { key, value } of entries) sum += key.length + first(value);
  return sum;
}

export function scans(index: OrderedIndex, { lmdb, sorted }: Others, keys: string[]): Contestant[] {
  const ours = [
    reading('index.range, copies', keys, (from) => summed(index.range({ from, limit: SCAN }))),
    reading('index.scan, in place', keys, (from) => scanned(index, from)),
    reading('array, in order', keys, (from) => listed(sorted, from)),
  ];
  if (lmdb === undefined) return ours;
  const theirs = (start: string) => summed(lmdb.getRange({ start, limit: SCAN }));
  return [...ours, reading('lmdb getRange', keys, theirs)];
}
