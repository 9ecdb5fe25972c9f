/** What an index can be told when it is opened, checked before anything is. */
import type { SyncPolicy } from 'nearmetal/log';
import { refuse } from './errors.js';
import type { PageSize } from './memory/pages.js';

const MEBIBYTE = 2 ** 20;
const MEMORY_MIN = 16 * MEBIBYTE;
/** As much as one typed array of words shows. */
const MEMORY_MAX = 4096 * MEBIBYTE - 2 * MEBIBYTE;

export interface IndexOptions {
  /** Where the log and the checkpoint are; it is made where there is none. */
  directory: string;
  /** Bytes that records and both indexes may take, 16 MiB to 4094 MiB. Default 256 MiB. */
  memory?: number;
  /** '2MiB', with ordinary pages where there are none (`fallback` says why), or '4KiB'. */
  pageSize?: PageSize;
  /** When changes are durable, as for an `AppendLog`. Default 'each': before they resolve. */
  sync?: SyncPolicy;
  /** Bytes of the log after which a checkpoint is begun. Default 256 MiB; 0 is never. */
  checkpointBytes?: number;
}

export interface Plan {
  readonly directory: string;
  readonly memory: number;
  readonly pageSize: PageSize;
  readonly sync: SyncPolicy;
  readonly checkpointBytes: number;
}

const KEYS = ['directory', 'memory', 'pageSize', 'sync', 'checkpointBytes'];

function whole(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  return refuse(name, `a whole number from ${min} to ${max}`, value);
}

export function planOf(options: IndexOptions): Plan {
  if (typeof options !== 'object' || options === null) refuse('options', 'an object', options);
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) refuse('options', `made of ${KEYS.join(', ')}`, key);
  }
  const { directory, pageSize = '2MiB', sync = 'each' } = options;
  if (typeof directory !== 'string' || directory === '') refuse('directory', 'a path', directory);
  if (pageSize !== '2MiB' && pageSize !== '4KiB') {
    refuse('pageSize', "'2MiB' or '4KiB'", pageSize);
  }
  return {
    directory,
    memory: whole('memory', options.memory ?? 256 * MEBIBYTE, MEMORY_MIN, MEMORY_MAX),
    pageSize,
    sync,
    checkpointBytes: whole(
      'checkpointBytes',
      options.checkpointBytes ?? 256 * MEBIBYTE,
      0,
      2 ** 40,
    ),
  };
}
