/** An epoll set under the ring: what it waits for, and waiting for it. */
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  IORING_OP_EPOLL_CTL,
  IORING_OP_EPOLL_WAIT,
} from '../../abi.js';
import {
  type EventName,
  INTEREST_KEYS,
  type InterestOptions,
  interestOf,
} from '../../epoll/events.js';
import { type DirectFd, descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { integer, oneOf } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';
import { type PollEvents, pollEvents } from './poll-events.js';

/** `struct epoll_event`, which is packed on x64 and nowhere else. */
const EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
const DATA_LOW = process.arch === 'x64' ? 1 : 2;
const WORD_BYTES = 4;
const EVENTS_MAX = 65_536;
const HIGH = 0x1_0000_0000;

const EPOLL_CTL = kind<void>({
  name: 'epoll_ctl',
  code: IORING_OP_EPOLL_CTL,
  since: '5.6',
  decode: nothing,
});

/** One event of a set. */
export interface EpollEvent extends PollEvents {
  /** What was registered with the descriptor. */
  readonly data: number;
}

const EPOLL_WAIT = kind<EpollEvent[]>({
  name: 'epoll_wait',
  code: IORING_OP_EPOLL_WAIT,
  since: '6.15',
  decode: (count, _flags, _operation, block) =>
    Array.from({ length: count }, (_, index) => eventAt(block as Block, index)),
});

const ACTIONS = { add: EPOLL_CTL_ADD, mod: EPOLL_CTL_MOD, del: EPOLL_CTL_DEL } as const;

export interface EpollCtlOptions extends CommonOptions, InterestOptions {
  /** A whole number that its events carry. Default: the number of the descriptor. */
  data?: number;
}

export interface EpollWaitOptions extends CommonOptions {
  /** Events at most. Default 64. */
  maxEvents?: number;
}

/**
 * Adds `fd` to an epoll set, changes what is waited for, or takes it out. For a set of somebody
 * else's: an `Epoll` does so by itself, and keeps books of it.
 *
 * @errno EEXIST it is in the set already @errno ENOENT it is not
 * @errno EPERM it cannot be polled, as no file on a disk can
 * @kernel 5.6 IORING_OP_EPOLL_CTL
 * @man epoll_ctl(2)
 */
export function epollCtl(
  epoll: FdLike,
  action: keyof typeof ACTIONS,
  fd: FdLike,
  events: readonly EventName[] = [],
  options: EpollCtlOptions = {},
): Operation<void> {
  const target = plainDescriptor('fd', fd);
  const operation = new Operation(EPOLL_CTL, plainDescriptor('epoll', epoll));
  operation.common(options, 'data', ...INTEREST_KEYS);
  const mask = interestOf(events, options, 'data', 'async', 'drain');
  const data = integer('data', options.data ?? target.fd, 0, Number.MAX_SAFE_INTEGER);
  operation.length = ACTIONS[oneOf('action', action, ['add', 'mod', 'del'] as const)];
  operation.others = [target];
  operation.offsetLow = target.fd;
  return operation.arguments(EVENT_WORDS * WORD_BYTES, (self, block) => {
    block.words[0] = mask;
    block.words[DATA_LOW] = data | 0;
    block.words[DATA_LOW + 1] = highWord(data);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
  });
}

/**
 * Waits until there are events in an epoll set; gives those that there are, one at least.
 *
 * @errno EINVAL it is not an epoll set
 * @kernel 6.15 IORING_OP_EPOLL_WAIT
 * @man epoll_wait(2)
 */
export function epollWait(
  epoll: FdLike | DirectFd,
  options: EpollWaitOptions = {},
): Operation<EpollEvent[]> {
  const operation = new Operation(EPOLL_WAIT, descriptor('epoll', epoll));
  operation.common(options, 'maxEvents');
  operation.length = integer('maxEvents', options.maxEvents ?? 64, 1, EVENTS_MAX);
  const bytes = operation.length * EVENT_WORDS * WORD_BYTES;
  return operation.arguments(bytes, (self, block) => {
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
  });
}

function eventAt({ words }: Block, index: number): EpollEvent {
  const at = index * EVENT_WORDS;
  const low = words[at + DATA_LOW] as number;
  const high = words[at + DATA_LOW + 1] as number;
  return { ...pollEvents(words[at] as number), data: (high >>> 0) * HIGH + (low >>> 0) };
}
