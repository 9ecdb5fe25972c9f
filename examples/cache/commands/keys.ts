/** Keys, whatever is under them. */
import type { Call } from '../server/call.js';
import { ALL_KEYS, define, NO_KEYS, ONE_KEY } from '../server/command.js';
import { matches } from '../server/glob.js';
import { NO_KEY, refusal, SYNTAX } from '../server/refusal.js';
import * as E from '../store/entry.js';
import type { Collection } from '../store/keyspace.js';
import type { List } from '../store/list.js';

/** Of those with a way to copy them: all. */
type Copied = Collection & Pick<List, 'copy'>;

function remove(call: Call): void {
  let count = 0;
  for (let index = 1; index < call.count; index++) {
    const place = call.peek(index);
    if (place === 0) continue;
    call.db.remove(place);
    count++;
  }
  call.reply.integer(count);
}

function exists(call: Call): void {
  let count = 0;
  for (let index = 1; index < call.count; index++) if (call.find(index) !== 0) count++;
  call.reply.integer(count);
}

function type(call: Call): void {
  const place = call.peek(1);
  call.reply.simple(E.TYPE_NAMES[place === 0 ? 0 : call.db.kindOf(place)] as string);
}

/** What is at `place` comes to the key that is argument 2, in place of what was there. */
function move(call: Call, place: number, keep: boolean): void {
  const { db } = call;
  const expires = db.expiryOf(place);
  if (db.kindOf(place) <= E.LARGE_STRING) {
    const start = db.stringStart(place);
    // A copy: the entry may move while room is made for the new one.
    const text = Buffer.from(
      db.stringSource(place).subarray(start, start + db.stringLength(place)),
    );
    if (!keep) db.remove(place);
    const target = call.store(2, call.peek(2), text, 0, text.length);
    db.setExpiry(target, expires);
    return;
  }
  const object = keep
    ? (db.collectionOf(place) as Copied).copy()
    : (db.detach(place) as Collection);
  call.replaceCollection(2, object);
  db.setExpiry(call.peek(2), expires);
}

function rename(call: Call): void {
  const place = call.peek(1);
  if (place === 0) throw refusal(NO_KEY);
  if (call.text(1) !== call.text(2)) move(call, place, false);
  call.reply.ok();
}

function renameNx(call: Call): void {
  const place = call.peek(1);
  if (place === 0) throw refusal(NO_KEY);
  const free = call.peek(2) === 0;
  if (free) move(call, place, false);
  call.reply.integer(free ? 1 : 0);
}

function copy(call: Call): void {
  let replace = false;
  for (let index = 3; index < call.count; index++) {
    const word = call.word(index);
    if (word === 'REPLACE') replace = true;
    else if (word === 'DB') {
      index = call.following(index);
      if (call.integer(index) !== 0) throw refusal('ERR DB index is out of range');
    } else throw refusal(SYNTAX);
  }
  if (call.text(1) === call.text(2)) {
    throw refusal('ERR source and destination objects are the same');
  }
  const place = call.peek(1);
  const done = place !== 0 && (replace || call.peek(2) === 0);
  if (done) move(call, place, true);
  call.reply.integer(done ? 1 : 0);
}

function keys(call: Call): void {
  const { db, reply } = call;
  const pattern = call.text(1);
  const found: string[] = [];
  for (let index = 0; index < db.all.length; index++) {
    const place = db.all.at(index);
    const expires = db.expiryOf(place);
    if (expires !== 0 && expires <= db.now) continue;
    const key = db.keyOf(place);
    if (matches(pattern, key)) found.push(key);
  }
  reply.texts(found);
}

function randomKey(call: Call): void {
  const { db, reply } = call;
  while (db.all.length > 0) {
    const place = db.all.draw();
    const expires = db.expiryOf(place);
    if (expires === 0 || expires > db.now) {
      reply.text(db.keyOf(place));
      return;
    }
    db.expire(place);
  }
  reply.null();
}

function flush(call: Call): void {
  const way = call.count > 1 ? call.word(1) : 'SYNC';
  if (call.count > 2 || (way !== 'SYNC' && way !== 'ASYNC')) throw refusal(SYNTAX);
  call.db.clear();
  call.reply.ok();
}

const TWO_KEYS = [1, 2, 1] as const;

export const KEYS = [
  define('del', -2, 'write', ALL_KEYS, remove),
  define('unlink', -2, 'write fast', ALL_KEYS, remove),
  define('exists', -2, 'readonly fast', ALL_KEYS, exists),
  define('touch', -2, 'readonly fast', ALL_KEYS, exists),
  define('type', 2, 'readonly fast', ONE_KEY, type),
  define('rename', 3, 'write', TWO_KEYS, rename),
  define('renamenx', 3, 'write fast', TWO_KEYS, renameNx),
  define('copy', -3, 'write denyoom', TWO_KEYS, copy),
  define('keys', 2, 'readonly', NO_KEYS, keys),
  define('randomkey', 1, 'readonly', NO_KEYS, randomKey),
  define('dbsize', 1, 'readonly fast', NO_KEYS, (call) => call.reply.integer(call.db.size)),
  define('flushall', -1, 'write', NO_KEYS, flush),
  define('flushdb', -1, 'write', NO_KEYS, flush),
];
