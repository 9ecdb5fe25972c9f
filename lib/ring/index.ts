/** What `nearmetal/ring` exports. */
export { asFd, BorrowedFd, DirectFd, type FdLike, OwnedFd } from '../fd/fd.js';
export { Mapping, type MappingOptions } from '../memory/mapping.js';
export { BufferRing, type BufferRingOptions, Lease } from './buffer-ring.js';
export type { RawVisitor } from './completion-queue.js';
export { bufferId, hasMore } from './cqe.js';
export {
  type CommonOptions,
  MultishotOperation,
  Operation,
  type OperationKind,
} from './operation.js';
export * as op from './ops/index.js';
export type { OpenOptions } from './ops/openat.js';
export type { PathLike } from './ops/path.js';
export type { PollEvent, PollEvents } from './ops/poll-add.js';
export type { FileStatus } from './ops/statx.js';
export type { RingOptions } from './options.js';
export { RawRing } from './raw.js';
export { RegisteredFiles, Registration } from './registered.js';
export { Ring } from './ring.js';
export {
  type CompletionHandler,
  DetachedError,
  type Handler,
  type HandlerOptions,
  type RunOptions,
} from './sinks.js';
export type { RingStats } from './stats.js';
export type { MultishotStream, StreamOptions } from './stream.js';
