/** Hashes: fields with values under a key. */
import { bigIntegerOf, doubleOf, INT64_MAX, INT64_MIN, sumText } from '../protocol/numbers.js';
import type { Call } from '../server/call.js';
import { define, ONE_KEY } from '../server/command.js';
import { NO_FLOAT, NO_INTEGER, refusal, SYNTAX } from '../server/refusal.js';
import { wrongCount } from '../server/run.js';
import { HASH_TABLE } from '../store/entry.js';
import { Table } from '../store/table.js';

type Hash = Table<string>;

function find(call: Call): Hash | undefined {
  return call.collection<Hash>(1, HASH_TABLE);
}

function findOrNew(call: Call): Hash {
  return call.collectionOrNew(1, HASH_TABLE, () => new Table<string>(HASH_TABLE, call.db.budget));
}

function setPairs(call: Call): number {
  if (call.count % 2 !== 0) throw refusal(wrongCount(call.session.lastCommand));
  const hash = findOrNew(call);
  let added = 0;
  for (let index = 2; index < call.count; index += 2) {
    if (hash.set(call.text(index), call.text(index + 1))) added++;
  }
  call.changed(1);
  return added;
}

function setNx(call: Call): void {
  const hash = findOrNew(call);
  const free = !hash.has(call.text(2));
  if (free) hash.set(call.text(2), call.text(3));
  if (free) call.changed(1);
  call.reply.integer(free ? 1 : 0);
}

function mget(call: Call): void {
  const hash = find(call);
  call.reply.array(call.count - 2);
  for (const field of call.texts(2)) call.reply.textOrNull(hash?.get(field));
}

function remove(call: Call): void {
  const hash = find(call);
  let count = 0;
  for (const field of call.texts(2)) if (hash?.delete(field)) count++;
  if (count > 0) call.changed(1);
  call.reply.integer(count);
}

function getAll(call: Call): void {
  const { reply } = call;
  const hash = find(call);
  reply.map(hash?.size ?? 0);
  for (let index = 0; index < (hash?.size ?? 0); index++) {
    reply.text((hash as Hash).nameAt(index));
    reply.text((hash as Hash).valueAt(index));
  }
}

function values(call: Call): void {
  const { reply } = call;
  const hash = find(call);
  reply.array(hash?.size ?? 0);
  for (let index = 0; index < (hash?.size ?? 0); index++) {
    reply.text((hash as Hash).valueAt(index));
  }
}

function incrementBy(call: Call): void {
  const by = bigIntegerOf(call.text(3));
  if (by === undefined) throw refusal(NO_INTEGER);
  const field = call.text(2);
  const old = find(call)?.get(field) ?? '0';
  const value = bigIntegerOf(old);
  if (value === undefined) throw refusal('ERR hash value is not an integer');
  const sum = value + by;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    throw refusal('ERR increment or decrement would overflow');
  }
  findOrNew(call).set(field, String(sum));
  call.changed(1);
  call.reply.bigInteger(sum);
}

function incrementByFloat(call: Call): void {
  const by = call.text(3);
  if (Number.isNaN(doubleOf(by))) throw refusal(NO_FLOAT);
  if (!Number.isFinite(doubleOf(by))) throw refusal('ERR value is NaN or Infinity');
  const field = call.text(2);
  const old = find(call)?.get(field) ?? '0';
  if (Number.isNaN(doubleOf(old))) throw refusal('ERR hash value is not a float');
  const sum = sumText(old, by);
  if (sum === undefined) throw refusal('ERR increment would produce NaN or Infinity');
  findOrNew(call).set(field, sum);
  call.changed(1);
  call.reply.text(sum);
}

/** How many are drawn at most when they may come twice. */
const DRAWS_MAX = 1_000_000;

/** Indexes of `count` names: each once, or any of them when `count` is negative. */
export function drawIndexes(table: { size: number; draw(): number }, count: number): number[] {
  const { size } = table;
  if (count < -DRAWS_MAX) throw refusal('ERR value is out of range');
  if (count < 0) return Array.from({ length: size === 0 ? 0 : -count }, () => table.draw());
  if (count >= size) return Array.from({ length: size }, (_, index) => index);
  const indexes = new Set<number>();
  while (indexes.size < Math.min(count, size - count)) indexes.add(table.draw());
  if (indexes.size === count) return [...indexes];
  // Of most of them: those that were not drawn.
  const rest = Array.from({ length: size }, (_, index) => index);
  return rest.filter((index) => !indexes.has(index));
}

function drawFields(call: Call): void {
  const { reply } = call;
  if (call.count === 2) {
    const hash = find(call);
    reply.textOrNull(hash?.nameAt(hash.draw()));
    return;
  }
  const count = call.integer(2);
  const withValues = call.count === 4 && call.word(3) === 'WITHVALUES';
  if (call.count > 3 && !withValues) throw refusal(SYNTAX);
  const hash = find(call);
  const indexes = hash === undefined ? [] : drawIndexes(hash, count);
  const nested = withValues && reply.protocol === 3;
  reply.array(withValues && !nested ? indexes.length * 2 : indexes.length);
  for (const index of indexes) {
    if (nested) reply.array(2);
    reply.text((hash as Hash).nameAt(index));
    if (withValues) reply.text((hash as Hash).valueAt(index));
  }
}

function setFields(call: Call): void {
  call.reply.integer(setPairs(call));
}

function setManyFields(call: Call): void {
  setPairs(call);
  call.reply.ok();
}

const WRITE = 'write denyoom fast';
const READ = 'readonly fast';

export const HASHES = [
  define('hset', -4, WRITE, ONE_KEY, setFields),
  define('hmset', -4, WRITE, ONE_KEY, setManyFields),
  define('hsetnx', 4, WRITE, ONE_KEY, setNx),
  define('hget', 3, READ, ONE_KEY, (call) => call.reply.textOrNull(find(call)?.get(call.text(2)))),
  define('hmget', -3, READ, ONE_KEY, mget),
  define('hdel', -3, 'write fast', ONE_KEY, remove),
  define('hlen', 2, READ, ONE_KEY, (call) => call.reply.integer(find(call)?.size ?? 0)),
  define('hexists', 3, READ, ONE_KEY, (call) =>
    call.reply.integer(find(call)?.has(call.text(2)) ? 1 : 0),
  ),
  define('hstrlen', 3, READ, ONE_KEY, (call) =>
    call.reply.integer(find(call)?.get(call.text(2))?.length ?? 0),
  ),
  define('hkeys', 2, 'readonly', ONE_KEY, (call) => call.reply.texts(find(call)?.keys() ?? [])),
  define('hvals', 2, 'readonly', ONE_KEY, values),
  define('hgetall', 2, 'readonly', ONE_KEY, getAll),
  define('hincrby', 4, WRITE, ONE_KEY, incrementBy),
  define('hincrbyfloat', 4, WRITE, ONE_KEY, incrementByFloat),
  define('hrandfield', -2, 'readonly', ONE_KEY, drawFields),
];
