/** poll and ppoll: one call looks at a whole list of descriptors. */
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDHUP } from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { type BlockingOptions, blockUntil } from './blocking.js';
import { type EventName, namedBits } from './events.js';

/** `struct pollfd`: the descriptor, then 16 bits wanted and 16 bits answered. */
const ENTRY_WORDS = 2;
const COUNT_MAX = 2 ** 20;
const WANTED = 0xffff;
const ANSWERED_SHIFT = 16;
/** An entry that the kernel passes over. */
const NOBODY = -1;

const ALL = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLERR | POLLHUP | POLLNVAL;

/** The descriptors that a `poll` looks at, and what it found. */
export class PollList {
  readonly count: number;
  /** Two words for each entry: the descriptor's number, then events with what was found above. */
  readonly words: Int32Array;

  constructor(count: number) {
    this.count = integer('count', count, 0, COUNT_MAX);
    this.words = new Int32Array(count * ENTRY_WORDS).fill(NOBODY);
  }

  /** Puts a descriptor in place `index`, with what to look for by name or as POLL* bits. */
  set(index: number, fd: FdLike, events: readonly EventName[] | number): this {
    this.#check(index);
    const { fd: number } = plainDescriptor('fd', fd);
    const wanted = typeof events === 'number' ? bitsOf(events) : namedBits(events);
    this.words[index * ENTRY_WORDS] = number;
    this.words[index * ENTRY_WORDS + 1] = wanted;
    return this;
  }

  /** Leaves place `index` out of the next calls. */
  clear(index: number): this {
    this.#check(index);
    this.words[index * ENTRY_WORDS] = NOBODY;
    this.words[index * ENTRY_WORDS + 1] = 0;
    return this;
  }

  /** POLL* bits that the last call found in place `index`; POLLNVAL when it was closed. */
  found(index: number): number {
    if (this.words[index * ENTRY_WORDS] === NOBODY) return 0;
    return (this.words[index * ENTRY_WORDS + 1] as number) >>> ANSWERED_SHIFT;
  }

  #check(index: number): void {
    integer('index', index, 0, this.count - 1);
  }
}

/**
 * Waits until something in the list is ready; answers how many entries are, 0 when time is over.
 *
 * @kernel 2.6.16 ppoll
 * @man poll(2)
 */
export function poll(
  list: PollList,
  options: Pick<BlockingOptions, 'timeoutMs' | 'restart'> = {},
): number {
  onlyKeys('options', options, ['timeoutMs', 'restart']);
  return ppoll(list, options);
}

/**
 * As `poll`, with other signals blocked while it waits.
 *
 * @kernel 2.6.16
 * @man ppoll(2)
 */
export function ppoll(list: PollList, options: BlockingOptions = {}): number {
  if (!(list instanceof PollList)) throw invalidType('list', 'a PollList', list);
  const once = (timeoutNs: number, mask: Int32Array | undefined): number =>
    native.ppoll(list.words, timeoutNs, mask ?? null);
  return check(blockUntil(options, once), 'ppoll');
}

function bitsOf(events: number): number {
  const bits = integer('events', events, 0, WANTED);
  if ((bits & ~ALL) !== 0) throw invalidValue('events', 'must be made of POLL* bits', events);
  return bits;
}
