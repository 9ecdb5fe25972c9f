/** What a segment is worth: whole, cut off by a crash, or damaged. */
import type { OwnedFd } from '../fd/fd.js';
import type { FileCalls } from '../fs/calls.js';
import { LogCorruptError } from './errors.js';
import { FrameReader, readAt } from './frame-reader.js';
import { FRAME_BYTES, frameBytes, frameHead, frameHolds, type SegmentHeader } from './layout.js';

/** A segment that is open. */
export interface OpenSegment {
  readonly path: string;
  readonly file: OwnedFd;
  readonly header: SegmentHeader;
  readonly size: number;
}

export interface Survey {
  /** Where its last good frame ends. */
  readonly end: number;
  /** Of the record after its last. */
  readonly next: number;
  /** Up to where its frames prove it to be durable. */
  readonly durable: number;
  /** Its last frame is a mark, so that nothing of it is in doubt. */
  readonly proven: boolean;
}

/** Reads a segment that others follow, which must be whole up to record `next`. */
export async function surveyClosed(
  calls: FileCalls,
  { path, file, header, size }: OpenSegment,
  next: number,
): Promise<void> {
  const reader = new FrameReader(calls, file, header, size);
  while ((await reader.frames()).length > 0);
  if (reader.position === size && reader.sequence === next) return;
  const why =
    reader.position === size
      ? `the segment ends there, and the next one begins with record ${next}`
      : 'its checksum is wrong, and the segments behind it had been durable';
  throw new LogCorruptError(path, reader.position, reader.sequence, why);
}

/**
 * Reads the last segment. What is not right at its end is a write that a crash cut off, unless
 * something behind it tells that it had been durable: that is damage.
 */
export async function surveyLast(calls: FileCalls, segment: OpenSegment): Promise<Survey> {
  const { path, file, header, size } = segment;
  const reader = new FrameReader(calls, file, header, size);
  while ((await reader.frames()).length > 0);
  const { position: end, sequence: next, durable, proven } = reader;
  const proof = end < size ? await proofBehind(calls, segment, end, next) : undefined;
  if (proof === undefined) return { end, next, durable, proven };
  const why = `its checksum is wrong, and byte ${proof} tells that it had been durable`;
  throw new LogCorruptError(path, end, next, why);
}

const WINDOW_BYTES = 1 << 20;

/** Where a good frame begins that tells that the segment was durable beyond `damage`. */
async function proofBehind(
  calls: FileCalls,
  { file, header, size }: OpenSegment,
  damage: number,
  next: number,
): Promise<number | undefined> {
  const highest = next + (size - damage) / FRAME_BYTES;
  for (let start = damage; start + FRAME_BYTES <= size; start += WINDOW_BYTES) {
    const length = Math.min(WINDOW_BYTES + FRAME_BYTES, size - start);
    const bytes = await readAt(calls, file, start, length);
    const last = Math.min(bytes.length - FRAME_BYTES, WINDOW_BYTES - 8);
    for (let at = 0; at <= last; at += 8) {
      const frame = frameHead(bytes, at, start, size);
      if (frame === undefined || frame.durable <= damage) continue;
      if (frame.sequence !== 0 && (frame.sequence < next || frame.sequence > highest)) continue;
      const whole = await readAt(calls, file, frame.position, frameBytes(frame.length));
      if (whole.length < frameBytes(frame.length)) continue;
      if (frameHolds(whole, 0, header.seed, frame)) return frame.position;
    }
  }
  return undefined;
}
