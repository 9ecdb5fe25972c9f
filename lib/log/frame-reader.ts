/** Reads the frames of one segment, one after the other, as long as they are right. */
import type { OwnedFd } from '../fd/fd.js';
import type { FileCalls } from '../fs/calls.js';
import {
  FRAME_BYTES,
  type Frame,
  frameBytes,
  frameHead,
  frameHolds,
  HEADER_BYTES,
  type SegmentHeader,
} from './layout.js';

const CHUNK_BYTES = 256 << 10;

export async function readAt(
  calls: FileCalls,
  file: OwnedFd,
  position: number,
  length: number,
): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const rest = bytes.subarray(done);
    const count = await calls.read(file, rest, position + done, undefined);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

export class FrameReader {
  readonly #calls: FileCalls;
  readonly #file: OwnedFd;
  readonly #header: SegmentHeader;
  readonly #size: number;
  #bytes: Buffer = Buffer.alloc(0);
  #start = HEADER_BYTES;
  /** Where the next frame begins. */
  position = HEADER_BYTES;
  /** Of the next record. */
  sequence: number;
  /** Up to where the frames seen prove that the segment had been durable. */
  durable = HEADER_BYTES;

  /** All before `position` is proven to have been durable. */
  proven = true;

  /** `size` is up to where frames are read. */
  constructor(calls: FileCalls, file: OwnedFd, header: SegmentHeader, size: number) {
    this.#calls = calls;
    this.#file = file;
    this.#header = header;
    this.#size = size;
    this.sequence = header.first;
  }

  /** The next frames, marks too; none at the end, or before one that is damaged. */
  async frames(): Promise<readonly Frame[]> {
    const found: Frame[] = [];
    while (this.position + FRAME_BYTES <= this.#size) {
      if (!this.#has(FRAME_BYTES)) {
        if (found.length > 0 || !(await this.#load(FRAME_BYTES))) break;
      }
      const at = this.position - this.#start;
      const frame = frameHead(this.#bytes, at, this.#start, this.#size);
      if (frame === undefined || (frame.sequence !== 0 && frame.sequence !== this.sequence)) break;
      const bytes = frameBytes(frame.length);
      if (!this.#has(bytes)) {
        if (found.length > 0 || !(await this.#load(bytes))) break;
        continue;
      }
      if (!frameHolds(this.#bytes, at, this.#header.seed, frame)) break;
      found.push(frame);
      this.position += bytes;
      if (frame.sequence !== 0) this.sequence++;
      this.proven = frame.sequence === 0 && frame.durable === frame.position;
      this.durable = Math.max(this.durable, frame.durable);
    }
    return found;
  }

  /** A copy of the record in `frame`, one of those that `frames` gave last. */
  record({ position, length }: Frame): Uint8Array<ArrayBuffer> {
    const at = position - this.#start + FRAME_BYTES;
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  #has(length: number): boolean {
    return this.position + length <= this.#start + this.#bytes.length;
  }

  async #load(length: number): Promise<boolean> {
    const bytes = Math.min(Math.max(length, CHUNK_BYTES), this.#size - this.position);
    this.#start = this.position;
    this.#bytes = await readAt(this.#calls, this.#file, this.position, bytes);
    return this.#bytes.length >= length;
  }
}
