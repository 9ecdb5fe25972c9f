/** Lists, from their ends. */
import type { Call } from '../server/call.js';
import { define, NO_KEYS, ONE_KEY } from '../server/command.js';
import { NO_INTEGER, refusal, SYNTAX } from '../server/refusal.js';
import { LIST } from '../store/entry.js';
import { List } from '../store/list.js';

export type End = 'LEFT' | 'RIGHT';

export function findList(call: Call, index = 1): List | undefined {
  return call.collection<List>(index, LIST);
}

export function push(list: List, end: End, text: string): void {
  if (end === 'LEFT') list.pushFirst(text);
  else list.pushLast(text);
}

export function pop(list: List, end: End): string {
  return end === 'LEFT' ? list.popFirst() : list.popLast();
}

function pushAt(end: End, onlyOld: boolean): (call: Call) => void {
  return (call) => {
    const list = onlyOld
      ? findList(call)
      : call.collectionOrNew(1, LIST, () => new List(call.db.budget));
    if (list !== undefined) {
      for (let index = 2; index < call.count; index++) push(list, end, call.text(index));
      call.changed(1);
    }
    call.reply.integer(list?.size ?? 0);
  };
}

function popAt(end: End): (call: Call) => void {
  return (call) => {
    const { reply } = call;
    const many = call.count > 2;
    const count = many ? call.integer(2, 'ERR value is out of range, must be positive') : 1;
    if (count < 0) throw refusal('ERR value is out of range, must be positive');
    const list = findList(call);
    if (list === undefined) {
      if (many) reply.nullArray();
      else reply.null();
      return;
    }
    const taken = Math.min(count, list.size);
    if (many) reply.array(taken);
    for (let each = 0; each < taken; each++) reply.text(pop(list, end));
    if (taken > 0) call.changed(1);
  };
}

export function endOf(call: Call, index: number): End {
  const word = call.word(index);
  if (word === 'LEFT' || word === 'RIGHT') return word;
  throw refusal(SYNTAX);
}

function moveBetween(call: Call, from: End, to: End): void {
  const source = findList(call);
  if (source === undefined) {
    call.reply.null();
    return;
  }
  findList(call, 2);
  const text = pop(source, from);
  const target = call.collectionOrNew(2, LIST, () => new List(call.db.budget));
  push(target, to, text);
  call.changed(1);
  call.changed(2);
  call.reply.text(text);
}

/** Of several lists the first that has something. */
function popOfMany(call: Call): void {
  const { reply } = call;
  const keys = call.integer(1, 'ERR numkeys should be greater than 0');
  if (keys <= 0) throw refusal('ERR numkeys should be greater than 0');
  if (2 + keys >= call.count) throw refusal(SYNTAX);
  const end = endOf(call, 2 + keys);
  let count = 1;
  if (call.count > 3 + keys) {
    if (call.word(3 + keys) !== 'COUNT' || call.count !== 5 + keys) throw refusal(SYNTAX);
    count = call.integer(4 + keys, 'ERR count should be greater than 0');
    if (count <= 0) throw refusal('ERR count should be greater than 0');
  }
  for (let index = 2; index < 2 + keys; index++) {
    const list = findList(call, index);
    if (list === undefined) continue;
    const taken = Math.min(count, list.size);
    reply.array(2);
    reply.text(call.text(index));
    reply.array(taken);
    for (let each = 0; each < taken; each++) reply.text(pop(list, end));
    call.changed(index);
    return;
  }
  reply.nullArray();
}

function length(call: Call): void {
  call.reply.integer(findList(call)?.size ?? 0);
}

function at(call: Call): void {
  const index = call.integer(2, NO_INTEGER);
  const list = findList(call);
  const size = list?.size ?? 0;
  const from = index < 0 ? index + size : index;
  call.reply.textOrNull(from >= 0 && from < size ? list?.at(from) : undefined);
}

const WRITE = 'write denyoom fast';
const TWO_KEYS = [1, 2, 1] as const;

export const LISTS = [
  define('lpush', -3, WRITE, ONE_KEY, pushAt('LEFT', false)),
  define('rpush', -3, WRITE, ONE_KEY, pushAt('RIGHT', false)),
  define('lpushx', -3, WRITE, ONE_KEY, pushAt('LEFT', true)),
  define('rpushx', -3, WRITE, ONE_KEY, pushAt('RIGHT', true)),
  define('lpop', -2, 'write fast', ONE_KEY, popAt('LEFT')),
  define('rpop', -2, 'write fast', ONE_KEY, popAt('RIGHT')),
  define('lmpop', -4, 'write', NO_KEYS, popOfMany, 1),
  define('llen', 2, 'readonly fast', ONE_KEY, length),
  define('lindex', 3, 'readonly', ONE_KEY, at),
  define('rpoplpush', 3, 'write denyoom', TWO_KEYS, (call) => moveBetween(call, 'RIGHT', 'LEFT')),
  define('lmove', 5, 'write denyoom', TWO_KEYS, (call) =>
    moveBetween(call, endOf(call, 3), endOf(call, 4)),
  ),
];
