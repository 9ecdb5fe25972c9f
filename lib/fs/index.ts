/** What `nearmetal/fs` exports. */
export type { PathLike } from '../path.js';
export type { FileAdvice } from '../ring/ops/file-bits.js';
export type { FileStatus, FileType } from '../ring/ops/file-status.js';
export { type BatchOptions, readBatch, writeBatch } from './batch.js';
export { BatchResult } from './batch-result.js';
export { openBeneath } from './beneath.js';
export type { AllocateOptions } from './calls.js';
export { backend } from './choose.js';
export { type CopyFileOptions, copyFile } from './copy.js';
export { type Alignment, directPool } from './direct.js';
export {
  Directory,
  DirectoryEntry,
  opendir,
  type RmOptions,
  readdir,
  readEntries,
  rm,
  type WalkOptions,
  walk,
} from './directory.js';
export { type AdviseOptions, adopt, File, type OffsetOptions, open } from './file.js';
export type { FileOpenOptions, OpenLetters, SignalOptions } from './options.js';
export {
  link,
  lstat,
  type MkdirOptions,
  mkdir,
  readlink,
  rename,
  rmdir,
  stat,
  symlink,
  unlink,
} from './paths.js';
export { StatBatch, type StatBatchOptions, statBatch } from './status-batch.js';
export {
  createReadStream,
  createWriteStream,
  type FileReadStream,
  type FileWriteStream,
  type ReadStreamOptions,
  readableStream,
  type WriteStreamOptions,
  writableStream,
} from './streams.js';
export {
  type ReadFileOptions,
  readFile,
  type WriteFileOptions,
  writeFile,
} from './whole.js';
