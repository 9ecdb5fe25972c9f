/** What `nearmetal/log` exports. */
export {
  AppendLog,
  type AppendOptions,
  type RecordBytes,
  type RecordsOptions,
} from './append-log.js';
export { LogCorruptError, LogLockedError, LogWriteError } from './errors.js';
export type { AppendLogOptions, SyncPolicy } from './options.js';
export type { LogRecord } from './records.js';
export type { Segment } from './segments.js';
