/** Sets. */
import type { Call } from '../server/call.js';
import { ALL_KEYS, define, NO_KEYS, ONE_KEY } from '../server/command.js';
import { refusal, SYNTAX } from '../server/refusal.js';
import { SET } from '../store/entry.js';
import { Table } from '../store/table.js';
import { drawIndexes } from './hashes.js';

export type NameSet = Table<null>;

export function findSet(call: Call, index = 1): NameSet | undefined {
  return call.collection<NameSet>(index, SET);
}

function newSet(call: Call): NameSet {
  return new Table<null>(SET, call.db.budget);
}

function add(call: Call): void {
  const set = call.collectionOrNew(1, SET, () => newSet(call));
  let added = 0;
  for (let index = 2; index < call.count; index++) if (set.set(call.text(index), null)) added++;
  if (added > 0) call.changed(1);
  call.reply.integer(added);
}

function remove(call: Call): void {
  const set = findSet(call);
  let removed = 0;
  for (const name of call.texts(2)) if (set?.delete(name)) removed++;
  if (removed > 0) call.changed(1);
  call.reply.integer(removed);
}

function isMember(call: Call): void {
  call.reply.integer(findSet(call)?.has(call.text(2)) ? 1 : 0);
}

function areMembers(call: Call): void {
  const set = findSet(call);
  call.reply.array(call.count - 2);
  for (const name of call.texts(2)) call.reply.integer(set?.has(name) ? 1 : 0);
}

function replySet(call: Call, names: readonly string[]): void {
  call.reply.set(names.length);
  for (const name of names) call.reply.text(name);
}

function move(call: Call): void {
  const source = findSet(call);
  const name = call.text(3);
  if (source === undefined) {
    call.reply.integer(0);
    return;
  }
  findSet(call, 2);
  const moved = source.has(name);
  if (moved && call.text(1) !== call.text(2)) {
    const target = call.collectionOrNew(2, SET, () => newSet(call));
    source.delete(name);
    target.set(name, null);
    call.changed(1);
    call.changed(2);
  }
  call.reply.integer(moved ? 1 : 0);
}

function pop(call: Call): void {
  const { reply } = call;
  if (call.count > 3) throw refusal(SYNTAX);
  const many = call.count === 3;
  const count = many ? call.integer(2, 'ERR value is out of range, must be positive') : 1;
  if (count < 0) throw refusal('ERR value is out of range, must be positive');
  const set = findSet(call);
  const names = set === undefined ? [] : namesAt(set, drawIndexes(set, count));
  for (const name of names) set?.delete(name);
  if (names.length > 0) call.changed(1);
  if (many) replySet(call, names);
  else reply.textOrNull(names[0]);
}

function namesAt(set: NameSet, indexes: readonly number[]): string[] {
  return indexes.map((index) => set.nameAt(index));
}

function draw(call: Call): void {
  const { reply } = call;
  if (call.count > 3) throw refusal(SYNTAX);
  const count = call.count === 3 ? call.integer(2) : undefined;
  const set = findSet(call);
  if (count === undefined) reply.textOrNull(set?.nameAt(set.draw()));
  else reply.texts(set === undefined ? [] : namesAt(set, drawIndexes(set, count)));
}

// --- several sets --------------------------------------------------------------------------------

type Combine = (sets: readonly (NameSet | undefined)[]) => string[];

const union: Combine = (sets) => {
  const names = new Set<string>();
  for (const set of sets) for (const name of set?.keys() ?? []) names.add(name);
  return [...names];
};

const intersection: Combine = (sets) => {
  if (sets.includes(undefined)) return [];
  const [least, ...others] = ([...sets] as NameSet[]).sort((one, two) => one.size - two.size);
  return (least?.keys() ?? []).filter((name) => others.every((set) => set.has(name)));
};

const difference: Combine = ([first, ...others]) =>
  (first?.keys() ?? []).filter((name) => !others.some((set) => set?.has(name)));

function setsFrom(call: Call, first: number, end: number): (NameSet | undefined)[] {
  const sets: (NameSet | undefined)[] = [];
  for (let index = first; index < end; index++) sets.push(findSet(call, index));
  return sets;
}

function answer(combine: Combine): (call: Call) => void {
  return (call) => replySet(call, combine(setsFrom(call, 1, call.count)));
}

function store(combine: Combine): (call: Call) => void {
  return (call) => {
    const names = combine(setsFrom(call, 2, call.count));
    const set = newSet(call);
    for (const name of names) set.set(name, null);
    call.replaceCollection(1, set);
    call.reply.integer(names.length);
  };
}

function countIntersection(call: Call): void {
  const keys = call.integer(1, 'ERR numkeys should be greater than 0');
  if (keys <= 0) throw refusal('ERR numkeys should be greater than 0');
  if (2 + keys > call.count) {
    throw refusal("ERR Number of keys can't be greater than number of args");
  }
  let limit = 0;
  for (let index = 2 + keys; index < call.count; index += 2) {
    if (call.word(index) !== 'LIMIT') throw refusal(SYNTAX);
    limit = call.integer(call.following(index), "ERR LIMIT can't be negative");
    if (limit < 0) throw refusal("ERR LIMIT can't be negative");
  }
  const { length } = intersection(setsFrom(call, 2, 2 + keys));
  call.reply.integer(limit === 0 ? length : Math.min(limit, length));
}

export const SETS = [
  define('sadd', -3, 'write denyoom fast', ONE_KEY, add),
  define('srem', -3, 'write fast', ONE_KEY, remove),
  define('scard', 2, 'readonly fast', ONE_KEY, (call) =>
    call.reply.integer(findSet(call)?.size ?? 0),
  ),
  define('sismember', 3, 'readonly fast', ONE_KEY, isMember),
  define('smismember', -3, 'readonly fast', ONE_KEY, areMembers),
  define('smembers', 2, 'readonly', ONE_KEY, (call) => replySet(call, findSet(call)?.keys() ?? [])),
  define('smove', 4, 'write fast', [1, 2, 1], move),
  define('spop', -2, 'write fast', ONE_KEY, pop),
  define('srandmember', -2, 'readonly', ONE_KEY, draw),
  define('sunion', -2, 'readonly', ALL_KEYS, answer(union)),
  define('sinter', -2, 'readonly', ALL_KEYS, answer(intersection)),
  define('sdiff', -2, 'readonly', ALL_KEYS, answer(difference)),
  define('sunionstore', -3, 'write denyoom', ALL_KEYS, store(union)),
  define('sinterstore', -3, 'write denyoom', ALL_KEYS, store(intersection)),
  define('sdiffstore', -3, 'write denyoom', ALL_KEYS, store(difference)),
  define('sintercard', -3, 'readonly', NO_KEYS, countIntersection, 1),
];
