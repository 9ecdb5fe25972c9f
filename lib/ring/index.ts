/** What `nearmetal/ring` exports. */
export { asFd, BorrowedFd, DirectFd, type FdLike, OwnedFd } from '../fd/fd.js';
export { Mapping } from '../memory/mapping.js';
export type { MappingOptions } from '../memory/options.js';
export { type BufferPressure, BufferRing, type BufferRingOptions } from './buffer-ring.js';
export type { CancelTarget } from './cancelling.js';
export type { RawVisitor } from './completion-queue.js';
export { bufferId, cqeExtra, hasMore } from './cqe.js';
export { CredentialsError } from './credentials.js';
export type { Into } from './into.js';
export { Lease } from './lease.js';
export {
  type Linkable,
  LinkError,
  type LinkOptions,
  type LinkOutcomes,
  type LinkResults,
  Within,
  within,
} from './link.js';
export type { MessageHandler, MessageStream, MessagesOptions, RingMessage } from './mailbox.js';
export {
  type CommonOptions,
  MultishotOperation,
  Operation,
  type OperationKind,
  type UserData,
} from './operation.js';
export type { AsyncCancelOptions, CancelCriteria } from './ops/async-cancel.js';
export type { ReceivedControl, Timestamp } from './ops/control-in.js';
export type { Credentials, RawControl, SendControl } from './ops/control-out.js';
export type { EpollEvent } from './ops/epoll.js';
export type { FileStatus, FileType } from './ops/file-status.js';
export type { FutexOptions, FutexWords } from './ops/futex.js';
export type { FutexWaited } from './ops/futex-wait.js';
export type { FutexWaiter } from './ops/futex-waitv.js';
export type { FutexWakeOptions } from './ops/futex-wake.js';
export * as op from './ops/index.js';
export { LeasedMessage, Message } from './ops/message.js';
export {
  type MessageData,
  type MsgRingFdOptions,
  type MsgRingOptions,
  sendMsgRing,
} from './ops/msg-ring.js';
export type { OpenOptions } from './ops/open-flags.js';
export type { PathLike } from './ops/path.js';
export type { PipeEnds } from './ops/pipe.js';
export type { PollEvent, PollEvents } from './ops/poll-events.js';
export type { BufferGroup, ProvideBuffersOptions } from './ops/provide-buffers.js';
export type { GroupBytes } from './ops/recv-select.js';
export type { RecvZcOptions } from './ops/recv-zc.js';
export type { RecvmsgOptions } from './ops/recvmsg.js';
export type { RecvmsgMultishot, RecvmsgMultishotOptions } from './ops/recvmsg-multishot.js';
export type { SendOptions, ZeroCopyOptions } from './ops/send-options.js';
export type { SendZcOptions } from './ops/send-zc.js';
export type { SendmsgOptions } from './ops/sendmsg.js';
export type { SocketLevel, SocketOption } from './ops/socket-option.js';
export type { Clock } from './ops/timespec.js';
export type { TxTimestamp } from './ops/tx-timestamp.js';
export type { ChildStatus, WaitidOptions, WaitTarget } from './ops/waitid.js';
export type { RingOptions } from './options.js';
export type { Pending, TimeoutUpdateOptions } from './pending.js';
export { RawRing, type WaitLimits } from './raw.js';
export type { RingClock } from './registrations/clock.js';
export type { CloneOptions } from './registrations/clone.js';
export type { EventfdOptions } from './registrations/eventfd.js';
export { FileTable, RegisteredFiles } from './registrations/file-table.js';
export type { ResizeOptions } from './registrations/methods.js';
export type { NapiOptions, NapiRegistration } from './registrations/napi.js';
export { Personality } from './registrations/personality.js';
export { Registration } from './registrations/registration.js';
export type { Restrictions, SqeFlag } from './registrations/restrictions.js';
export type { SyncCancelOptions } from './registrations/sync-cancel.js';
export type { WorkerLimits } from './registrations/workers.js';
export type { Zcrx, ZcrxOptions } from './registrations/zcrx.js';
export type { Repeating, RepeatOptions, ResultHandler } from './repeating.js';
export { Ring } from './ring.js';
export type { SendLease } from './send-lease.js';
export type { SendPool, SendPoolOptions } from './send-pool.js';
export {
  type CompletionHandler,
  DetachedError,
  type Handler,
  type HandlerOptions,
  type RunOptions,
} from './sinks.js';
export type { RingStats } from './stats.js';
export type { MultishotStream, StreamOptions } from './stream.js';
export * as unsafe from './unsafe/index.js';
export { type ZeroCopyRelease, ZeroCopySend } from './zero-copy.js';
export { ZeroCopySender, type ZeroCopySenderOptions } from './zero-copy-sender.js';
