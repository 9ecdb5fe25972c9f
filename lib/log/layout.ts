/**
 * The bytes of a log, all numbers little-endian.
 *
 * A segment is a file that is named after its first record: 20 digits and `.log`. It begins with
 *
 *      0  8  magic, 'NEARMLOG'
 *      8  4  version, 1
 *     12  4  bytes of this header, 64
 *     16  8  sequence number of the first record
 *     24  4  seed, random: no frame of another segment fits in here
 *     28 32  zero
 *     60  4  CRC-32 of the 60 bytes before
 *
 * and then has frames, each at a multiple of 8, with zeros behind its bytes up to the next one:
 *
 *      0  4  CRC-32 of all that follows, zeros too; it starts from the seed ^ its position / 8
 *      4  4  bytes of the record
 *      8  8  sequence number, one more than that of the record before; 0: a mark, not a record
 *     16  8  position up to which the segment was known to be durable when this was written
 *     24     the record
 *
 * A mark has no bytes: it only tells that all before it is durable. CRC-32 is zlib's, which Node
 * has with the processor's own instructions.
 */
import { crc32 } from 'node:zlib';

export const HEADER_BYTES = 64;
export const FRAME_BYTES = 24;
/** Longer ones are refused: a reader has to have a record in memory as a whole. */
export const RECORD_BYTES_MAX = 64 << 20;

const MAGIC = Buffer.from('NEARMLOG');
const VERSION = 1;
const HEADER_CRC = 60;

/** What a segment's header says. */
export interface SegmentHeader {
  readonly first: number;
  readonly seed: number;
}

export interface Frame {
  readonly position: number;
  /** 0 for a mark. */
  readonly sequence: number;
  readonly durable: number;
  /** Bytes of the record. */
  readonly length: number;
}

/** What a record of `length` bytes takes. */
export const frameBytes = (length: number): number => (FRAME_BYTES + length + 7) & ~7;

const NAME = /^\d{20}\.log$/;
export const segmentName = (first: number): string => `${String(first).padStart(20, '0')}.log`;
export const isSegmentName = (name: string): boolean => NAME.test(name);

export function encodeHeader({ first, seed }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(HEADER_BYTES, 12);
  bytes.writeBigUInt64LE(BigInt(first), 16);
  bytes.writeUInt32LE(seed, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC)), HEADER_CRC);
  return bytes;
}

/** Answers the header, or what is wrong with it. */
export function decodeHeader(bytes: Buffer): SegmentHeader | string {
  if (bytes.length < HEADER_BYTES) return 'its header is cut off';
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'it does not begin as a log does';
  if (bytes.readUInt32LE(HEADER_CRC) !== crc32(bytes.subarray(0, HEADER_CRC))) {
    return 'the checksum of its header is wrong';
  }
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) return `it is of version ${version}, which this library does not know`;
  return { first: Number(bytes.readBigUInt64LE(16)), seed: bytes.readUInt32LE(24) };
}

/** Fills in the head of the frame at `at`, whose record is there already; zeros what is behind. */
export function sealFrame(bytes: Buffer, at: number, seed: number, frame: Frame): void {
  const { position, sequence, durable, length } = frame;
  const end = at + frameBytes(length);
  bytes.fill(0, at + FRAME_BYTES + length, end);
  bytes.writeUInt32LE(length, at + 4);
  writeWide(bytes, at + 8, sequence);
  writeWide(bytes, at + 16, durable);
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, end), firstValue(seed, position)), at);
}

/** A mark at `position`: all before it is durable. */
export function encodeMark(seed: number, position: number): Buffer {
  const bytes = Buffer.alloc(FRAME_BYTES);
  sealFrame(bytes, 0, seed, { position, sequence: 0, durable: position, length: 0 });
  return bytes;
}

/**
 * The head of what may be a frame at `at`, not yet believed; undefined when it cannot be one.
 * `bytes` begins at `start` of a segment that is `size` bytes long.
 */
export function frameHead(
  bytes: Buffer,
  at: number,
  start: number,
  size: number,
): Frame | undefined {
  const position = start + at;
  const length = bytes.readUInt32LE(at + 4);
  if (length > RECORD_BYTES_MAX || frameBytes(length) > size - position) return undefined;
  const sequence = readWide(bytes, at + 8);
  const durable = readWide(bytes, at + 16);
  if (durable < HEADER_BYTES || durable > position || (sequence === 0 && length > 0)) {
    return undefined;
  }
  return { position, sequence, durable, length };
}

/** Whether the frame at `at`, all of which is in `bytes`, is as it was written. */
export function frameHolds(bytes: Buffer, at: number, seed: number, frame: Frame): boolean {
  const end = at + frameBytes(frame.length);
  const value = crc32(bytes.subarray(at + 4, end), firstValue(seed, frame.position));
  return bytes.readUInt32LE(at) === value;
}

const firstValue = (seed: number, position: number): number => (seed ^ (position / 8)) >>> 0;

function writeWide(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

const readWide = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
