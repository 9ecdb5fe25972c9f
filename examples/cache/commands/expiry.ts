/** How long keys live. */
import type { Call } from '../server/call.js';
import { define, ONE_KEY } from '../server/command.js';
import { refusal } from '../server/refusal.js';
import { momentOf, UNITS } from './expiry-words.js';

const WORDS = ['NX', 'XX', 'GT', 'LT'];

function conditionsOf(call: Call): Set<string> {
  const words = new Set<string>();
  for (let index = 3; index < call.count; index++) {
    const word = call.word(index);
    if (!WORDS.includes(word)) throw refusal(`ERR Unsupported option ${call.text(index)}`);
    words.add(word);
  }
  if (words.has('NX') && words.size > 1) {
    throw refusal('ERR NX and XX, GT or LT options at the same time are not compatible');
  }
  if (words.has('GT') && words.has('LT')) {
    throw refusal('ERR GT and LT options at the same time are not compatible');
  }
  return words;
}

/** Whether the words allow the change; a key that never expires is later than any. */
function allowed(words: Set<string>, old: number, wanted: number): boolean {
  if (words.has('NX') && old !== 0) return false;
  if (words.has('XX') && old === 0) return false;
  if (words.has('GT') && (old === 0 || wanted <= old)) return false;
  return !(words.has('LT') && old !== 0 && wanted >= old);
}

function expireBy(unit: string): (call: Call) => void {
  return (call) => {
    const { db, reply } = call;
    const value = call.integer(2);
    const wanted = momentOf(call, value, UNITS[unit]!, false);
    const words = conditionsOf(call);
    const place = call.find(1);
    if (place === 0 || !allowed(words, db.expiryOf(place), wanted)) {
      reply.integer(0);
      return;
    }
    if (wanted <= db.now) db.remove(place);
    else {
      db.setExpiry(place, wanted);
      db.changed(place);
    }
    reply.integer(1);
  };
}

const NOT_THERE = -2;
const NEVER = -1;

function tellExpiry(of: (expires: number, now: number) => number): (call: Call) => void {
  return (call) => {
    const { db, reply } = call;
    const place = call.peek(1);
    if (place === 0) reply.integer(NOT_THERE);
    else {
      const expires = db.expiryOf(place);
      reply.integer(expires === 0 ? NEVER : of(expires, db.now));
    }
  };
}

function persist(call: Call): void {
  const { db, reply } = call;
  const place = call.find(1);
  const expires = place !== 0 && db.expiryOf(place) !== 0;
  if (expires) {
    db.setExpiry(place, 0);
    db.changed(place);
  }
  reply.integer(expires ? 1 : 0);
}

const seconds = (ms: number): number => Math.floor((ms + 500) / 1000);
const tell = 'readonly fast';

export const EXPIRY = [
  define('expire', -3, 'write fast', ONE_KEY, expireBy('EX')),
  define('pexpire', -3, 'write fast', ONE_KEY, expireBy('PX')),
  define('expireat', -3, 'write fast', ONE_KEY, expireBy('EXAT')),
  define('pexpireat', -3, 'write fast', ONE_KEY, expireBy('PXAT')),
  define(
    'ttl',
    2,
    tell,
    ONE_KEY,
    tellExpiry((expires, now) => seconds(expires - now)),
  ),
  define(
    'pttl',
    2,
    tell,
    ONE_KEY,
    tellExpiry((expires, now) => expires - now),
  ),
  define('expiretime', 2, tell, ONE_KEY, tellExpiry(seconds)),
  define(
    'pexpiretime',
    2,
    tell,
    ONE_KEY,
    tellExpiry((expires) => expires),
  ),
  define('persist', 2, 'write fast', ONE_KEY, persist),
];
