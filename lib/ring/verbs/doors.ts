/** The two doors that every verb goes through, and which of its options are the door's. */
import { itBelongsToItsThread } from '../../uncloneable.js';
import { invalidType, onlyKeys } from '../../validate.js';
import type { MultishotOperation, SingleShot } from '../operation.js';
import { RUN_KEYS, type RunOptions } from '../sinks.js';
import type { MultishotStream, StreamOptions } from '../stream.js';

/** Leaves what is an operation's own, for its maker to check. */
export function split<Own extends object>(
  options: (Own & RunOptions) | undefined,
): [Own, RunOptions | undefined] {
  if (options === undefined) return [{} as Own, undefined];
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options);
  }
  const { signal, timeoutMs, ...own } = options;
  // The operation would refuse a misspelt one too, and not know what was meant.
  for (const key of Object.keys(own)) {
    if (/^(signal|timeoutms)$/i.test(key)) onlyKeys('options', own, RUN_KEYS);
  }
  if (signal === undefined && timeoutMs === undefined) return [own as unknown as Own, undefined];
  return [
    own as unknown as Own,
    { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) },
  ];
}

/** The same for a multishot operation, whose door takes a signal and no time limit. */
export function splitStream<Own extends object>(
  options: (Own & StreamOptions) | undefined,
): [Own, StreamOptions] {
  const { signal, ...own } = options ?? ({} as Own & StreamOptions);
  for (const key of Object.keys(own)) {
    if (/^(signal|timeoutms)$/i.test(key)) onlyKeys('options', own, ['signal']);
  }
  return [own as unknown as Own, signal === undefined ? {} : { signal }];
}

/** A ring, as far as its verbs know it. */
export abstract class Doors {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  abstract run<Result>(operation: SingleShot<Result>, options?: RunOptions): Promise<Result>;
  abstract stream<Result>(
    operation: MultishotOperation<Result>,
    options?: StreamOptions,
  ): MultishotStream<Result>;
}
