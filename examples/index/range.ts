/** Which records a scan is for. */
import { refuse } from './errors.js';
import { type Bytes, KEY_BYTES_MAX, type Records } from './memory/records.js';
import type { Store } from './store.js';
import { scan, scanBack, type Visit } from './tree/scan.js';
import type { Tree } from './tree/tree.js';

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Entries of one turn of `entriesOf`. */
const AT_ONCE = 256;

export interface RangeOptions {
  /** The first key that may come. Default: the first of all. */
  from?: Bytes;
  /** The key behind which it begins, instead of `from`. */
  after?: Bytes;
  /** The first key that must not come. Default: none. */
  to?: Bytes;
  /** How many at most. */
  limit?: number;
  /** From the last to the first. Default false. */
  reverse?: boolean;
}

export type PrefixOptions = Pick<RangeOptions, 'limit' | 'reverse'>;

/** All keys that begin with `prefix`. */
export function rangeOfPrefix(prefix: Bytes): Pick<RangeOptions, 'from' | 'to'> {
  const bytes = Buffer.from(prefix as Uint8Array);
  if (bytes.length === 0) return {};
  if (bytes.length > KEY_BYTES_MAX) {
    refuse('prefix', `at most ${KEY_BYTES_MAX} bytes long`, `${bytes.length} bytes`);
  }
  const end = bytes.findLastIndex((byte) => byte !== 0xff);
  if (end < 0) return { from: bytes };
  const to = Buffer.from(bytes.subarray(0, end + 1));
  to[end] = (to[end] as number) + 1;
  return { from: bytes, to };
}

export function checkRange(options: RangeOptions): RangeOptions {
  const { limit } = options;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0)) {
    refuse('limit', 'a whole number from 0 on', limit);
  }
  return options;
}

/** Copies, a few of them at a time: the index may change between two. */
export function* entriesOf(
  { tree, records }: Store,
  options: RangeOptions,
): Generator<Entry, void, undefined> {
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  let rest = options;
  while (left > 0) {
    const entries: Entry[] = [];
    const most = Math.min(left, AT_ONCE);
    walk(tree, records, rest, (place) => {
      entries.push(records.entry(place));
      return entries.length < most;
    });
    for (const entry of entries) yield entry;
    if (entries.length < most) return;
    left -= entries.length;
    const { key } = entries.at(-1) as Entry;
    rest = options.reverse ? { ...options, to: key } : { ...options, after: key };
  }
}

/** Calls `visit` with the places of the records, which must not be changed meanwhile. */
export function walk(tree: Tree, records: Records, options: RangeOptions, visit: Visit): void {
  const first = options.after ?? options.from;
  const from = first === undefined ? 0 : records.takeStage();
  const to = options.to === undefined ? 0 : records.takeStage();
  try {
    if (first !== undefined) records.stage(from, first);
    if (options.after !== undefined) records.stageAfter(from, from);
    if (options.to !== undefined) records.stage(to, options.to);
    (options.reverse ? scanBack : scan)(tree, from, to, visit);
  } finally {
    if (from !== 0) records.giveStage(from);
    if (to !== 0) records.giveStage(to);
  }
}
