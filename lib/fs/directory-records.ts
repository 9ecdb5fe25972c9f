/** The bytes of getdents64(2) in words. */
import { malformed } from '../errors/malformed.js';

/** Of `struct linux_dirent64`: where the record's length, type and name stand. */
const RECORD_LENGTH = 16;
const TYPE = 18;
const NAME = 19;

/** Told of each name but '.' and '..', and where in `records` its inode stands. */
export type Visit = (name: string, type: number, inodeAt: number, records: Buffer) => void;

/** Visits what one call gave: the first `length` bytes. */
export function eachRecord(records: Buffer, length: number, visit: Visit): void {
  for (let at = 0; at < length; ) {
    const next = length - at > NAME ? at + records.readUInt16LE(at + RECORD_LENGTH) : at;
    const start = at + NAME;
    const end = records.indexOf(0, start);
    if (next <= start || next > length || end < 0 || end >= next)
      throw malformed('directory entry');
    const first = records[start];
    // '.' and '..'
    const dots =
      first === 46 && (end === start + 1 || (end === start + 2 && records[start + 1] === 46));
    if (!dots)
      visit(records.toString('utf8', start, end), records[at + TYPE] as number, at, records);
    at = next;
  }
}
