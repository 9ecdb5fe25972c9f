/**
 * Changes as the log keeps them, those of a batch in one record, all numbers little-endian:
 *
 *     1 byte what, 1 for put and 2 for delete; 2 bytes of the key's length; 4 of the value's;
 *     then the key and the value
 *
 * A record of one byte, 3, says that there is a checkpoint: without one the log is not all.
 */
import { copy, KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../memory/records.js';

const PUT = 1;
const DELETE = 2;
const CHECKPOINT = 3;
export const CHECKPOINT_MARK = Uint8Array.of(CHECKPOINT);
const HEAD_BYTES = 7;
const FIRST_BYTES = 1 << 14;

/** What is done with the changes of a batch. */
export interface Applier {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

/** Changes that become durable together. */
export class Batch {
  private bytes: Buffer = Buffer.alloc(FIRST_BYTES);
  length = 0;

  put(source: Uint8Array, keyStart: number, keyLength: number, value: Uint8Array): void {
    const at = this.begin(PUT, keyLength, value.length);
    copy(source, keyStart, keyLength, this.bytes, at);
    copy(value, 0, value.length, this.bytes, at + keyLength);
  }

  delete(source: Uint8Array, keyStart: number, keyLength: number): void {
    copy(source, keyStart, keyLength, this.bytes, this.begin(DELETE, keyLength, 0));
  }

  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** Answers where the key goes. */
  private begin(what: number, keyLength: number, valueLength: number): number {
    const start = this.length;
    const end = start + HEAD_BYTES + keyLength + valueLength;
    if (end > this.bytes.length) {
      const more = Buffer.alloc(Math.max(end, this.bytes.length * 2));
      this.bytes.copy(more, 0, 0, start);
      this.bytes = more;
    }
    const { bytes } = this;
    bytes[start] = what;
    bytes[start + 1] = keyLength & 0xff;
    bytes[start + 2] = keyLength >>> 8;
    bytes[start + 3] = valueLength & 0xff;
    bytes[start + 4] = (valueLength >>> 8) & 0xff;
    bytes[start + 5] = valueLength >>> 16;
    bytes[start + 6] = 0;
    this.length = end;
    return start + HEAD_BYTES;
  }
}

export function isCheckpointMark(record: Uint8Array): boolean {
  return record.length === 1 && record[0] === CHECKPOINT;
}

/** Does what a record of the log says; false when it says nothing that is a batch of changes. */
export function apply(record: Uint8Array, to: Applier): boolean {
  const view = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  let at = 0;
  while (at < view.length) {
    if (view.length - at < HEAD_BYTES) return false;
    const what = view.readUInt8(at);
    const key = at + HEAD_BYTES;
    const value = key + view.readUInt16LE(at + 1);
    const end = value + view.readUInt32LE(at + 3);
    const wrong = value === key || value - key > KEY_BYTES_MAX || end - value > VALUE_BYTES_MAX;
    if (wrong || end > view.length) return false;
    if (what === PUT) to.put(view.subarray(key, value), view.subarray(value, end));
    else if (what === DELETE) to.delete(view.subarray(key, value));
    else return false;
    at = end;
  }
  return true;
}
