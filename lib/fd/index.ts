/** What `nearmetal/fd` exports. */
export type { Credentials } from './control-messages.js';
export { EventFd, type EventFdOptions } from './event-fd.js';
export {
  Fanotify,
  type FanotifyMarkOptions,
  type FanotifyOptions,
  pathOfHandle,
} from './fanotify.js';
export type {
  FanotifyEvent,
  FanotifyEventName,
  FanotifyPlace,
  FileHandle,
} from './fanotify-events.js';
export {
  type DupOptions,
  dup,
  dupOnto,
  type FdFlagChanges,
  type FdFlags,
  getFlags,
  sameFile,
  setFlags,
} from './fcntl.js';
export { asFd, BorrowedFd, DirectFd, type FdLike, OwnedFd } from './fd.js';
export {
  Inotify,
  type InotifyEvent,
  type InotifyOptions,
  type InotifyPlace,
  InotifyWatch,
  type InotifyWatchOptions,
} from './inotify.js';
export type { InotifyEventName, InotifyEventType } from './inotify-events.js';
export {
  type HeldLock,
  type LockOptions,
  type LockRange,
  lock,
  lockBlocking,
  queryLock,
  tryLock,
  unlock,
} from './locks.js';
export { Memfd, type MemfdCreateOptions, type Seal } from './memfd.js';
export {
  type CloseRangeOptions,
  closeRange,
  type DescriptorKind,
  kindOf,
  type OpenDescriptor,
  openDescriptors,
} from './open-descriptors.js';
export {
  FDS_MAX,
  passCredentials,
  passPidFd,
  peerCredentials,
  type ReceivedFds,
  type ReceiveFdsOptions,
  receiveFds,
  type SendFdsOptions,
  type SocketpairOptions,
  sendFds,
  socketpair,
} from './passing.js';
export { PidFd, type PidFdOptions, type ProcessEnd, type ReapOptions } from './pid-fd.js';
export { Pipe, type PipeOptions, pipeSize, setPipeSize } from './pipe.js';
export {
  type PreadvOptions,
  type PwritevOptions,
  pread,
  preadv2,
  pwrite,
  pwritev2,
  read,
  write,
} from './read-write.js';
export { SignalFd, type SignalFdOptions } from './signal-fd.js';
export type { SignalInfo } from './signal-info.js';
export type { SignalLike } from './signal-numbers.js';
export {
  type TimerClock,
  TimerFd,
  type TimerFdOptions,
  type TimerRemains,
  type TimerSetting,
} from './timer-fd.js';
export { WaitableFd, type WaitOptions } from './waitable.js';
