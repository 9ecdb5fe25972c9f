/** Strings as a whole: GET, SET and their relatives. */
import type { Call } from '../server/call.js';
import { ALL_KEYS, define, ONE_KEY } from '../server/command.js';
import { NO_INTEGER, refusal, SYNTAX } from '../server/refusal.js';
import { wrongCount } from '../server/run.js';
import * as E from '../store/entry.js';
import { momentOf, UNITS } from './expiry-words.js';

/** Answers the string at `place`. */
export function replyString({ db, reply, server }: Call, place: number): void {
  if (place === 0) {
    server.misses++;
    reply.null();
    return;
  }
  server.hits++;
  reply.bulk(db.stringSource(place), db.stringStart(place), db.stringLength(place));
}

/** Stores argument `value` under key `key`, which is at `place` or not there. */
function storeArgument(call: Call, key: number, place: number, value: number): number {
  const { request } = call;
  return call.store(key, place, request.source, request.start(value), request.lengthOf(value));
}

function expire(call: Call, place: number, expires: number): void {
  if (expires !== call.db.expiryOf(place)) call.db.setExpiry(place, expires);
}

function get(call: Call): void {
  replyString(call, call.findString(1));
}

function set(call: Call): void {
  if (call.count > 3) {
    setWithOptions(call);
    return;
  }
  expire(call, storeArgument(call, 1, call.find(1), 2), 0);
  call.reply.ok();
}

interface SetOptions {
  condition: '' | 'NX' | 'XX';
  get: boolean;
  keep: boolean;
  expires: number;
}

function setOptions(call: Call): SetOptions {
  const options: SetOptions = { condition: '', get: false, keep: false, expires: 0 };
  for (let index = 3; index < call.count; index++) {
    const word = call.word(index);
    const unit = Object.hasOwn(UNITS, word) ? UNITS[word] : undefined;
    if ((word === 'NX' || word === 'XX') && options.condition === '') options.condition = word;
    else if (word === 'GET') options.get = true;
    else if (word === 'KEEPTTL' && options.expires === 0) options.keep = true;
    else if (unit !== undefined && options.expires === 0 && !options.keep) {
      index = call.following(index);
      options.expires = momentOf(call, call.integer(index, NO_INTEGER), unit, true);
    } else if (word !== options.condition) throw refusal(SYNTAX);
  }
  return options;
}

function setWithOptions(call: Call): void {
  const { reply } = call;
  const { condition, get: wanted, keep, expires } = setOptions(call);
  const place = wanted ? call.findString(1) : call.find(1);
  const old = wanted && place !== 0 ? call.stringText(place) : undefined;
  if (condition === '' || (place === 0) === (condition === 'NX')) {
    const target = storeArgument(call, 1, place, 2);
    if (!keep) expire(call, target, expires);
    if (!wanted) {
      reply.ok();
      return;
    }
  }
  reply.textOrNull(old);
}

function setNx(call: Call): void {
  const place = call.find(1);
  if (place === 0) storeArgument(call, 1, 0, 2);
  call.reply.integer(place === 0 ? 1 : 0);
}

function setFor(unit: 'EX' | 'PX'): (call: Call) => void {
  return (call) => {
    const expires = momentOf(call, call.integer(2), UNITS[unit]!, true);
    expire(call, storeArgument(call, 1, call.find(1), 3), expires);
    call.reply.ok();
  };
}

function getSet(call: Call): void {
  const place = call.findString(1);
  const old = place === 0 ? undefined : call.stringText(place);
  expire(call, storeArgument(call, 1, place, 2), 0);
  call.reply.textOrNull(old);
}

function getDel(call: Call): void {
  const place = call.findString(1);
  replyString(call, place);
  if (place !== 0) call.db.remove(place);
}

function getEx(call: Call): void {
  const { db } = call;
  let expires: number | undefined;
  if (call.count > 2) {
    const word = call.word(2);
    const unit = Object.hasOwn(UNITS, word) ? UNITS[word] : undefined;
    if (word === 'PERSIST' && call.count === 3) expires = 0;
    else if (unit !== undefined && call.count === 4) {
      expires = momentOf(call, call.integer(3), unit, true);
    } else throw refusal(SYNTAX);
  }
  const place = call.findString(1);
  replyString(call, place);
  if (place === 0 || expires === undefined || expires === db.expiryOf(place)) return;
  if (expires !== 0 && expires <= db.now) db.remove(place);
  else {
    db.setExpiry(place, expires);
    db.changed(place);
  }
}

function mget(call: Call): void {
  const { db, reply } = call;
  reply.array(call.count - 1);
  for (let index = 1; index < call.count; index++) {
    const place = call.find(index);
    replyString(call, place !== 0 && db.kindOf(place) > E.LARGE_STRING ? 0 : place);
  }
}

function storePairs(call: Call): void {
  for (let index = 1; index < call.count; index += 2) {
    expire(call, storeArgument(call, index, call.find(index), index + 1), 0);
  }
}

function mset(call: Call): void {
  if (call.count % 2 === 0) throw refusal(wrongCount('mset'));
  storePairs(call);
  call.reply.ok();
}

function msetNx(call: Call): void {
  if (call.count % 2 === 0) throw refusal(wrongCount('msetnx'));
  let found = false;
  for (let index = 1; index < call.count; index += 2) found ||= call.peek(index) !== 0;
  if (!found) storePairs(call);
  call.reply.integer(found ? 0 : 1);
}

const PAIRS = [1, -1, 2] as const;

export const STRINGS = [
  define('get', 2, 'readonly fast', ONE_KEY, get),
  define('set', -3, 'write denyoom', ONE_KEY, set),
  define('setnx', 3, 'write denyoom fast', ONE_KEY, setNx),
  define('setex', 4, 'write denyoom', ONE_KEY, setFor('EX')),
  define('psetex', 4, 'write denyoom', ONE_KEY, setFor('PX')),
  define('getset', 3, 'write denyoom fast', ONE_KEY, getSet),
  define('getdel', 2, 'write fast', ONE_KEY, getDel),
  define('getex', -2, 'write fast', ONE_KEY, getEx),
  define('mget', -2, 'readonly fast', ALL_KEYS, mget),
  define('mset', -3, 'write denyoom', PAIRS, mset),
  define('msetnx', -3, 'write denyoom', PAIRS, msetNx),
];
