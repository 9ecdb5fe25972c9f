/** Reads records back, from segment to segment. */
import { abortError } from '../errors.js';
import type { FileCalls } from '../fs/calls.js';
import { LogCorruptError } from './errors.js';
import { FrameReader } from './frame-reader.js';
import type { Segment, Segments } from './segments.js';

export interface LogRecord {
  readonly sequence: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The records from `from` on that are there when it begins. */
export async function* readRecords(
  calls: FileCalls,
  segments: Segments,
  from: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<LogRecord, void, undefined> {
  const end = segments.next;
  for (let next = from; next < end; ) {
    const segment = segments.list().findLast(({ first }) => first <= next) as Segment;
    const { file, header, path } = await segments.folder.openSegment(segment.first, false);
    using _file = file;
    const reader = new FrameReader(calls, file, header, segment.bytes);
    while (reader.sequence < end) {
      if (signal?.aborted) throw abortError(signal);
      const frames = await reader.frames();
      if (frames.length === 0) break;
      for (const frame of frames) {
        if (frame.sequence < next || frame.sequence >= end) continue;
        yield { sequence: frame.sequence, bytes: reader.record(frame) };
        next = frame.sequence + 1;
      }
    }
    if (reader.sequence < end && reader.position < segment.bytes) {
      const why = 'its checksum is wrong';
      throw new LogCorruptError(path, reader.position, reader.sequence, why);
    }
    const follows = segments.list().find(({ first }) => first > segment.first);
    if (next < end && follows?.first !== next) {
      const why = `the segment ends there, and record ${next} is not in it`;
      throw new LogCorruptError(path, reader.position, reader.sequence, why);
    }
  }
}
