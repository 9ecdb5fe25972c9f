/** What `nearmetal/epoll` exports. */
export {
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  EPOLLWAKEUP,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
} from '../abi.js';
export { asFd, BorrowedFd, type FdLike, OwnedFd } from '../fd/fd.js';
export type { BlockingOptions } from './blocking.js';
export type { BusyPoll } from './busy-poll.js';
export {
  Epoll,
  type EpollOptions,
  type EpollStats,
  type EventHandlerOptions,
  type RegisterOptions,
} from './epoll.js';
export type { EventName, InterestOptions } from './events.js';
export type { EventHandler, WaitAsyncOptions } from './loop.js';
export { PollList, poll, ppoll } from './poll.js';
export type { ReadyEvent } from './ready.js';
export { FD_SETSIZE, FdSet, pselect, type SelectSets, select } from './select.js';
