/** What is done with a command: the upstream says which there are, and which arguments are keys. */

import type { Request } from '../protocol/request.js';
import type { Value } from '../protocol/value.js';
import { CommandTable } from '../server/command-table.js';
import { LOCAL, REFUSED } from './local.js';
import type { ReadKind } from './read-note.js';
import { readKindOf } from './reads.js';

export type Way =
  /** Answered here. */
  | 'local'
  | 'info'
  | 'forward'
  /** It needs a connection of its own: for as long as it takes, or for good. */
  | 'own'
  | 'listen'
  | 'refuse';

export interface Rule {
  readonly name: string;
  readonly way: Way;
  /** Why it is refused. */
  readonly why: string;
  /** How it is answered from memory, if it can be. */
  readonly read: ReadKind | undefined;
  readonly writes: boolean;
  /** The first and the last key (negative: from the end), and the step; 0: none. */
  readonly keys: readonly [first: number, last: number, step: number];
  /** There may be keys elsewhere among the arguments. */
  readonly movable: boolean;
  /** It is about all keys of a server. */
  readonly ofAll: boolean;
}

const OWN = new Set(['multi', 'watch', 'exec', 'discard', 'unwatch']);
/** They are answered once for each channel, or by messages. */
const LISTENING = /^[ps]?(un)?subscribe$/;

const LOCALS: readonly Rule[] = [
  ...LOCAL.map((name) => ruleOf(name, 'local')),
  ...Object.entries(REFUSED).map(([name, why]) => ruleOf(name, 'refuse', why)),
];

/** What may be any command: all of its arguments may be keys that it writes. */
export const UNKNOWN: Rule = {
  ...ruleOf('', 'forward'),
  writes: true,
  keys: [1, -1, 1],
  movable: true,
};

function ruleOf(name: string, way: Way, why = ''): Rule {
  const keys = [0, 0, 0] as const;
  const read = readKindOf(name);
  return { name, way, why, read, writes: false, keys, movable: false, ofAll: false };
}

/** Before anything is known of the upstream. */
export function localRules(): CommandTable<Rule> {
  return new CommandTable(LOCALS);
}

/** `commands` is the answer to COMMAND. */
export function rulesFrom(commands: Value): CommandTable<Rule> {
  const own = new Set(LOCALS.map(({ name }) => name));
  const rules = [...LOCALS];
  for (const about of commands as readonly Value[]) {
    if (!Array.isArray(about)) continue;
    const [name, , flags, first, last, step] = about as [string, number, string[], ...number[]];
    const known = typeof name === 'string' && Array.isArray(flags);
    if (known && !own.has(name.toLowerCase())) {
      rules.push(
        fromUpstream(name.toLowerCase(), new Set(flags), [first ?? 0, last ?? 0, step ?? 0]),
      );
    }
  }
  return new CommandTable(rules);
}

function fromUpstream(name: string, flags: ReadonlySet<string>, keys: Rule['keys']): Rule {
  const writes = flags.has('write');
  const movable = flags.has('movablekeys');
  return {
    ...ruleOf(name, wayOf(name, flags)),
    // What a script or a function writes is among the keys that it names.
    writes: writes || (movable && !flags.has('readonly')),
    keys,
    movable,
    ofAll: keys[0] === 0 && !movable && (writes || flags.has('readonly')),
  };
}

function wayOf(name: string, flags: ReadonlySet<string>): Way {
  if (OWN.has(name) || flags.has('blocking')) return 'own';
  if (LISTENING.test(name)) return 'listen';
  return name === 'info' ? 'info' : 'forward';
}

/** Arguments that are keys, or may be. */
export function keysOf(rule: Rule, request: Request): number[] {
  const { count } = request;
  const indexes: number[] = [];
  let [first, last, step] = rule.keys;
  if (rule.movable) [first, last, step] = [1, -1, 1];
  if (first === 0) return indexes;
  const end = last < 0 ? count + last : Math.min(last, count - 1);
  for (let index = first; index <= end; index += Math.max(step, 1)) indexes.push(index);
  return indexes;
}

/** The argument by which its server is found in a cluster; 0: there is none. */
export function placeKey(rule: Rule, request: Request): number {
  const [first] = rule.keys;
  if (first > 0) return first < request.count ? first : 0;
  // EVAL script COUNT key..., and what else has a count before its keys.
  for (const at of rule.movable ? [2, 1] : []) {
    if (at + 1 < request.count && Number(request.text(at)) > 0) return at + 1;
  }
  return 0;
}
