/**
 * Walks that are done in parts. A cursor is how many are left: what goes meanwhile is replaced by
 * the last one, which was seen already, so whatever is there from begin to end is seen.
 */

import { doubleText } from '../protocol/numbers.js';
import type { Call } from '../server/call.js';
import { define, NO_KEYS, ONE_KEY } from '../server/command.js';
import { matches } from '../server/glob.js';
import { NO_INTEGER, refusal, SYNTAX } from '../server/refusal.js';
import * as E from '../store/entry.js';
import type { SortedSet } from '../store/sorted-set.js';
import type { Table } from '../store/table.js';

const COUNT = 10;

interface Walk {
  /** Index of the first that is not walked over, counted from the end that goes last. */
  readonly from: number;
  readonly count: number;
  readonly pattern: string;
  readonly type: string;
}

function walkOf(call: Call, first: number, size: number, typed: boolean): Walk {
  let [count, pattern, type] = [COUNT, '*', ''];
  if (!/^\d{1,20}$/.test(call.text(first))) throw refusal('ERR invalid cursor');
  const cursor = Number(call.text(first));
  for (let index = first + 1; index < call.count; index += 2) {
    const word = call.word(index);
    const value = call.following(index);
    if (word === 'COUNT') count = call.integer(value, NO_INTEGER);
    else if (word === 'MATCH') pattern = call.text(value);
    else if (word === 'TYPE' && typed) type = call.text(value).toLowerCase();
    else throw refusal(SYNTAX);
  }
  if (count < 1) throw refusal(SYNTAX);
  return { from: cursor === 0 ? size : Math.min(cursor, size), count, pattern, type };
}

function scan(call: Call): void {
  const { db, reply } = call;
  const { from, count, pattern, type } = walkOf(call, 1, db.all.length, true);
  const found: string[] = [];
  let left = from;
  for (let steps = 0; left > 0 && steps < count; steps++) {
    const place = db.all.at(--left);
    const expires = db.expiryOf(place);
    if (expires !== 0 && expires <= db.now) continue;
    if (type !== '' && E.TYPE_NAMES[db.kindOf(place)] !== type) continue;
    const key = db.keyOf(place);
    if (pattern === '*' || matches(pattern, key)) found.push(key);
  }
  reply.array(2);
  reply.text(String(left));
  reply.texts(found);
}

function scanTable<Value>(
  call: Call,
  table: Table<Value> | undefined,
  show: (value: Value) => string | undefined,
): void {
  const { reply } = call;
  const size = table?.size ?? 0;
  const { from, count, pattern } = walkOf(call, 2, size, false);
  const found: string[] = [];
  let left = from;
  for (let steps = 0; table !== undefined && left > 0 && steps < count; steps++) {
    const name = table.nameAt(--left);
    if (pattern !== '*' && !matches(pattern, name)) continue;
    found.push(name);
    const shown = show(table.valueAt(left));
    if (shown !== undefined) found.push(shown);
  }
  reply.array(2);
  reply.text(String(left));
  reply.texts(found);
}

function scanHash(call: Call): void {
  scanTable(call, call.collection<Table<string>>(1, E.HASH_TABLE), (value) => value);
}

function scanSet(call: Call): void {
  scanTable(call, call.collection<Table<null>>(1, E.SET), () => undefined);
}

function scanSortedSet(call: Call): void {
  scanTable(call, call.collection<SortedSet>(1, E.SORTED_SET)?.scores, doubleText);
}

export const SCANS = [
  define('scan', -2, 'readonly', NO_KEYS, scan),
  define('hscan', -3, 'readonly', ONE_KEY, scanHash),
  define('sscan', -3, 'readonly', ONE_KEY, scanSet),
  define('zscan', -3, 'readonly', ONE_KEY, scanSortedSet),
];
