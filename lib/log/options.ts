/** What a log can be told when it is opened, checked. */
import { integer, invalidType, milliseconds, oneOf, onlyKeys } from '../validate.js';
import { frameBytes, HEADER_BYTES } from './layout.js';

/**
 * When records become durable.
 *
 * - 'each': before `append` resolves. Those that come during a sync share the next one.
 * - `{ everyMs }`: so long after they were written, at the latest when the disk gets round to it.
 *   `append` resolves when they are written: they outlive this process, killed or not, and not a
 *   crash of the machine, which costs what came since the last sync.
 * - 'none': by `sync()`, at the end of a segment and by `close()`. Else when the kernel likes.
 */
export type SyncPolicy = 'each' | 'none' | { readonly everyMs: number };

export interface AppendLogOptions {
  /** When records become durable. Default 'each'. */
  sync?: SyncPolicy;
  /** Bytes after which a new segment is begun. Default 64 MiB. */
  segmentBytes?: number;
  /**
   * Bytes of records that are written together, and as many that wait for it: memory of the log
   * itself. Default 1 MiB. A longer record gets memory of its own for as long as it is written.
   */
  bufferBytes?: number;
  /**
   * What is read when the log is opened: 'all' of it, or only the 'last' segment, where damage in
   * others is found by who reads them. Default 'all'.
   */
  verify?: 'all' | 'last';
}

export interface LogPlan {
  readonly everyCommit: boolean;
  /** 0: never. */
  readonly everyMs: number;
  readonly segmentBytes: number;
  readonly bufferBytes: number;
  readonly verifyAll: boolean;
}

const SEGMENT_BYTES = 64 << 20;
const SEGMENT_BYTES_MAX = 2 ** 34;
const BUFFER_BYTES = 1 << 20;
const BUFFER_BYTES_MAX = 1 << 30;
const PAGE = 4096;

export function planLog(options: AppendLogOptions): LogPlan {
  onlyKeys('options', options, ['sync', 'segmentBytes', 'bufferBytes', 'verify']);
  const { sync = 'each', segmentBytes = SEGMENT_BYTES, bufferBytes = BUFFER_BYTES } = options;
  const least = HEADER_BYTES + frameBytes(0);
  return {
    everyCommit: sync === 'each',
    everyMs: intervalOf(sync),
    segmentBytes: integer('segmentBytes', segmentBytes, least, SEGMENT_BYTES_MAX),
    bufferBytes: integer('bufferBytes', bufferBytes, PAGE, BUFFER_BYTES_MAX),
    verifyAll: oneOf('verify', options.verify ?? 'all', ['all', 'last']) === 'all',
  };
}

function intervalOf(sync: SyncPolicy): number {
  if (sync === 'each' || sync === 'none') return 0;
  if (typeof sync !== 'object' || sync === null) {
    throw invalidType('sync', "'each', 'none' or { everyMs }", sync);
  }
  onlyKeys('sync', sync, ['everyMs']);
  const limit = milliseconds('sync.everyMs', sync.everyMs);
  return integer('sync.everyMs', Math.ceil(limit), 1, 2 ** 31 - 1);
}
