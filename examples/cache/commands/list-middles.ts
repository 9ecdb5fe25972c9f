/** Lists, in their middle: these take time in proportion to the list. */
import type { Call } from '../server/call.js';
import { define, ONE_KEY } from '../server/command.js';
import { NO_KEY, OUT_OF_RANGE, refusal, SYNTAX } from '../server/refusal.js';
import { findList } from './lists.js';

/** From and to (with it) of `size` many, counted from the end where negative. */
export function rangeOf(call: Call, index: number, size: number): { from: number; to: number } {
  let from = call.integer(index);
  let to = call.integer(index + 1);
  if (from < 0) from = Math.max(from + size, 0);
  if (to < 0) to += size;
  return { from, to: Math.min(to, size - 1) };
}

function range(call: Call): void {
  const { reply } = call;
  rangeOf(call, 2, 0);
  const list = findList(call);
  const { from, to } = rangeOf(call, 2, list?.size ?? 0);
  reply.array(Math.max(to - from + 1, 0));
  for (let index = from; index <= to; index++) reply.text(list?.at(index) as string);
}

function set(call: Call): void {
  const list = findList(call);
  if (list === undefined) throw refusal(NO_KEY);
  const index = call.integer(2);
  const at = index < 0 ? index + list.size : index;
  if (at < 0 || at >= list.size) throw refusal(OUT_OF_RANGE);
  list.set(at, call.text(3));
  call.changed(1);
  call.reply.ok();
}

function trim(call: Call): void {
  rangeOf(call, 2, 0);
  const list = findList(call);
  if (list !== undefined) {
    const { from, to } = rangeOf(call, 2, list.size);
    if (from > to) list.become([]);
    else {
      for (let last = list.size - 1; last > to; last--) list.popLast();
      for (let first = 0; first < from; first++) list.popFirst();
    }
    call.changed(1);
  }
  call.reply.ok();
}

function insert(call: Call): void {
  const where = call.word(2);
  if (where !== 'BEFORE' && where !== 'AFTER') throw refusal(SYNTAX);
  const list = findList(call);
  if (list === undefined) {
    call.reply.integer(0);
    return;
  }
  const texts = list.texts();
  const found = texts.indexOf(call.text(3));
  if (found >= 0) {
    texts.splice(where === 'BEFORE' ? found : found + 1, 0, call.text(4));
    list.become(texts);
    call.changed(1);
  }
  call.reply.integer(found < 0 ? -1 : texts.length);
}

function remove(call: Call): void {
  const wanted = call.integer(2);
  const text = call.text(3);
  const list = findList(call);
  let left = wanted === 0 ? Number.POSITIVE_INFINITY : Math.abs(wanted);
  const texts = list?.texts() ?? [];
  if (wanted < 0) texts.reverse();
  const kept = texts.filter((each) => each !== text || left-- <= 0);
  if (wanted < 0) kept.reverse();
  if (list !== undefined && kept.length < texts.length) {
    list.become(kept);
    call.changed(1);
  }
  call.reply.integer(texts.length - kept.length);
}

interface Search {
  rank: number;
  count: number | undefined;
  most: number;
}

function searchOf(call: Call): Search {
  const search: Search = { rank: 1, count: undefined, most: 0 };
  for (let index = 3; index < call.count; index += 2) {
    const word = call.word(index);
    const value = call.following(index);
    if (word === 'RANK') search.rank = call.integer(value);
    else if (word === 'COUNT') search.count = call.integer(value, "ERR COUNT can't be negative");
    else if (word === 'MAXLEN') search.most = call.integer(value, "ERR MAXLEN can't be negative");
    else throw refusal(SYNTAX);
  }
  if (search.rank === 0) {
    throw refusal(
      "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
        'or use negative to start from the end of the list',
    );
  }
  if ((search.count ?? 0) < 0) throw refusal("ERR COUNT can't be negative");
  if (search.most < 0) throw refusal("ERR MAXLEN can't be negative");
  return search;
}

function positions(call: Call): void {
  const { reply } = call;
  const { rank, count, most } = searchOf(call);
  const list = findList(call);
  const size = list?.size ?? 0;
  const text = call.text(2);
  const found: number[] = [];
  const wanted = count === 0 ? size : (count ?? 1);
  const steps = most === 0 ? size : Math.min(most, size);
  let skip = Math.abs(rank) - 1;
  for (let step = 0; step < steps && found.length < wanted; step++) {
    const index = rank < 0 ? size - 1 - step : step;
    if (list?.at(index) === text && skip-- <= 0) found.push(index);
  }
  if (count !== undefined) {
    reply.array(found.length);
    for (const index of found) reply.integer(index);
  } else if (found.length === 0) reply.null();
  else reply.integer(found[0] as number);
}

export const LIST_MIDDLES = [
  define('lrange', 4, 'readonly', ONE_KEY, range),
  define('lset', 4, 'write denyoom', ONE_KEY, set),
  define('ltrim', 4, 'write', ONE_KEY, trim),
  define('linsert', 5, 'write denyoom', ONE_KEY, insert),
  define('lrem', 4, 'write', ONE_KEY, remove),
  define('lpos', -3, 'readonly', ONE_KEY, positions),
];
