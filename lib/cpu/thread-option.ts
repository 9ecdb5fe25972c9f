/** Which thread a call is about: this one, or any other by its id. */
import type { ErrorDetail } from '../errors.js';
import '../hinting.js';
import { integer, onlyKeys } from '../validate.js';

export interface ThreadOptions {
  /** The kernel's number of a thread, as `gettid` and `threads` give it. Default: this thread. */
  tid?: number;
}

/** Answers the thread's id, 0 for this one. */
export function threadOf(options: ThreadOptions | undefined): number {
  if (options === undefined) return 0;
  onlyKeys('options', options, ['tid']);
  return options.tid === undefined ? 0 : integer('options.tid', options.tid, 1, 2 ** 31 - 1);
}

/** What a hint wants to know about the thread; nothing for this one. */
export function factsOf(tid: number, more: ErrorDetail['facts'] = {}): ErrorDetail {
  return { facts: tid === 0 ? more : { tid, ...more } };
}
