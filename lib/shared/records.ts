/** What a record of a queue can be: one element of a typed array. */
import { oneOf } from '../validate.js';

const RECORDS = {
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

/** A record, as the typed array of that name stores it; 'float64' is any number of JavaScript. */
export type RecordKind = keyof typeof RECORDS;
export type RecordOf<Kind extends RecordKind> = Kind extends 'int64' | 'uint64' ? bigint : number;
/** A typed array of such records. */
export type RecordsOf<Kind extends RecordKind> = InstanceType<(typeof RECORDS)[Kind]>;

const NAMES = Object.keys(RECORDS) as RecordKind[];

/** The number by which memory names a kind: 1 and up. */
export const recordCode = (kind: RecordKind): number => NAMES.indexOf(kind) + 1;
export const recordKind = (code: number): RecordKind | undefined => NAMES[code - 1];
export const checkRecord = (kind: unknown): RecordKind => oneOf('record', kind as string, NAMES);
export const recordBytes = (kind: RecordKind): number => RECORDS[kind].BYTES_PER_ELEMENT;

export function recordsAt(
  kind: RecordKind,
  buffer: ArrayBuffer,
  offset: number,
  count: number,
): RecordsOf<RecordKind> {
  return new RECORDS[kind](buffer, offset, count);
}
