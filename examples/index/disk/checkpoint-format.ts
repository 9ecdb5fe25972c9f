/**
 * A checkpoint: all records in the order of their keys, in one file, numbers little-endian.
 *
 *     4096 bytes of head: magic 'NEARINDX', version (4), blocks (4), the last record of the log
 *     that is surely in it (8), entries (8), CRC-32 of the bytes before (4), zeros
 *
 *     blocks of a mebibyte, the last one a multiple of 4096: CRC-32 of what follows (4), bytes in
 *     use (4), number (4), zero (4), and entries as they lie in memory: a word with the length of
 *     the key and, from bit 11 on, of the value, the bytes of both, zeros to a multiple of 4
 */
import { crc32 } from 'node:zlib';

export const HEAD_BYTES = 4096;
export const BLOCK_BYTES = 1 << 20;
export const BLOCK_HEAD_BYTES = 16;
const MAGIC = Buffer.from('NEARINDX');
const VERSION = 1;
const CRC_AT = 32;

export interface CheckpointHead {
  readonly blocks: number;
  readonly sequence: number;
  readonly entries: number;
}

export function encodeHead(into: Buffer, { blocks, sequence, entries }: CheckpointHead): void {
  into.fill(0);
  MAGIC.copy(into);
  into.writeUInt32LE(VERSION, 8);
  into.writeUInt32LE(blocks, 12);
  into.writeBigUInt64LE(BigInt(sequence), 16);
  into.writeBigUInt64LE(BigInt(entries), 24);
  into.writeUInt32LE(crc32(into.subarray(0, CRC_AT)), CRC_AT);
}

/** Answers the head, or what is wrong with it. */
export function decodeHead(bytes: Buffer): CheckpointHead | string {
  if (bytes.length < HEAD_BYTES) return 'its head is cut off';
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'it does not begin as one does';
  if (bytes.readUInt32LE(CRC_AT) !== crc32(bytes.subarray(0, CRC_AT))) {
    return 'the checksum of its head is wrong';
  }
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) return `it is of version ${version}, which this program does not know`;
  return {
    blocks: bytes.readUInt32LE(12),
    sequence: Number(bytes.readBigUInt64LE(16)),
    entries: Number(bytes.readBigUInt64LE(24)),
  };
}

/** Fills in the head of a block of which `used` bytes are filled; answers how many to write. */
export function sealBlock(block: Buffer, used: number, number: number, whole: boolean): number {
  const end = whole ? BLOCK_BYTES : (used + 4095) & ~4095;
  block.fill(0, used, end);
  block.writeUInt32LE(used, 4);
  block.writeUInt32LE(number, 8);
  block.writeUInt32LE(0, 12);
  block.writeUInt32LE(crc32(block.subarray(4, used)), 0);
  return end;
}

/** The bytes in use of a block, of which `length` were read; or what is wrong with it. */
export function checkBlock(block: Buffer, length: number, number: number): number | string {
  const used = length < BLOCK_HEAD_BYTES ? 0 : block.readUInt32LE(4);
  if (used < BLOCK_HEAD_BYTES || used > length) return `block ${number} is cut off`;
  if (
    block.readUInt32LE(0) !== crc32(block.subarray(4, used)) ||
    block.readUInt32LE(8) !== number
  ) {
    return `the checksum of block ${number} is wrong`;
  }
  return used;
}
