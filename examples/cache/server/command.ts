/** What a command is: its name, its arguments and which of them are keys, and what it does. */
import type { Call } from './call.js';

export type Flag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'fast'
  /** Is run between MULTI and EXEC, not queued. */
  | 'immediate';

export interface Command {
  readonly name: string;
  /** With the name; negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly Flag[];
  /** The first and the last key (negative: from the end), and the step; 0: none. */
  readonly keys: readonly [first: number, last: number, step: number];
  /** The argument that says how many keys follow it; 0: none. */
  readonly counted: number;
  readonly run: (call: Call) => void;
  readonly denyOom: boolean;
  readonly immediate: boolean;
  /** Can be given while subscribed over RESP2. */
  readonly pubsub: boolean;
  calls: number;
}

export type Keys = Command['keys'];
export const NO_KEYS: Keys = [0, 0, 0];
export const ONE_KEY: Keys = [1, 1, 1];
export const ALL_KEYS: Keys = [1, -1, 1];

export function define(
  name: string,
  arity: number,
  flags: string,
  keys: Keys,
  run: (call: Call) => void,
  counted = 0,
): Command {
  const list = flags.split(' ').filter((flag) => flag !== '') as Flag[];
  return {
    name,
    arity,
    flags: list,
    keys,
    counted,
    run,
    denyOom: list.includes('denyoom'),
    immediate: list.includes('immediate'),
    pubsub: list.includes('pubsub'),
    calls: 0,
  };
}
