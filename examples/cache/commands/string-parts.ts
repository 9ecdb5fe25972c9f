/** Parts of strings, and strings as numbers. */
import {
  bigIntegerOf,
  doubleOf,
  INT64_MAX,
  INT64_MIN,
  integerOf,
  sumText,
} from '../protocol/numbers.js';
import type { Call } from '../server/call.js';
import { define, ONE_KEY } from '../server/command.js';
import { NO_FLOAT, NO_INTEGER, refusal } from '../server/refusal.js';
import { writeInteger } from '../store/bytes.js';
import { EDITED } from '../store/entry.js';

/** A change that leaves the sum exact and the digits few. */
const PLAIN = 2 ** 52;
const DIGITS = Buffer.alloc(32);

function add(call: Call, place: number, by: number): boolean {
  const { db } = call;
  const old =
    place === 0
      ? 0
      : integerOf(db.stringSource(place), db.stringStart(place), db.stringLength(place));
  const sum = old + by;
  if (!(Math.abs(old) < PLAIN && Math.abs(by) < PLAIN)) return false;
  call.store(1, place, DIGITS, 0, writeInteger(sum, DIGITS, 0));
  call.reply.integer(sum);
  return true;
}

function addBig(call: Call, place: number, by: bigint): void {
  const old = place === 0 ? 0n : bigIntegerOf(call.stringText(place));
  if (old === undefined) throw refusal(NO_INTEGER);
  const sum = old + by;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    throw refusal('ERR increment or decrement would overflow');
  }
  call.storeText(1, place, String(sum));
  call.reply.bigInteger(sum);
}

function incrementBy(by: number): (call: Call) => void {
  return (call) => {
    const place = call.findString(1);
    if (!add(call, place, by)) addBig(call, place, BigInt(by));
  };
}

function incrementByArgument(sign: 1 | -1): (call: Call) => void {
  return (call) => {
    const by = call.integer(2);
    const exact = Math.abs(by) < PLAIN ? 0n : (bigIntegerOf(call.text(2)) as bigint);
    if (sign < 0 && exact === INT64_MIN) throw refusal('ERR decrement would overflow');
    const place = call.findString(1);
    if (add(call, place, by * sign)) return;
    addBig(call, place, (exact === 0n ? BigInt(by) : exact) * BigInt(sign));
  };
}

function incrementByFloat(call: Call): void {
  const place = call.findString(1);
  const old = place === 0 ? '0' : call.stringText(place);
  const by = call.text(2);
  if (Number.isNaN(doubleOf(old)) || Number.isNaN(doubleOf(by))) throw refusal(NO_FLOAT);
  const sum = sumText(old, by);
  if (sum === undefined) throw refusal('ERR increment would produce NaN or Infinity');
  call.storeText(1, place, sum);
  call.reply.text(sum);
}

/** The string with `length` bytes, zeros behind what was there; answers its new place. */
function lengthen(call: Call, place: number, length: number): number {
  const { db } = call;
  if (length > call.server.limits.requestBytes) {
    throw refusal('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
  }
  const bytes = Buffer.alloc(length);
  if (place !== 0) {
    const start = db.stringStart(place);
    db.stringSource(place).copy(bytes, 0, start, start + db.stringLength(place));
  }
  const target = call.store(1, place, bytes, 0, length);
  db.mark(target, EDITED);
  return target;
}

function append(call: Call): void {
  const { db, request } = call;
  const place = call.findString(1);
  const old = place === 0 ? 0 : db.stringLength(place);
  const more = request.lengthOf(2);
  if (place === 0) call.store(1, 0, request.source, request.start(2), more);
  else {
    const target = lengthen(call, place, old + more);
    const start = request.start(2);
    request.source.copy(db.stringSource(target), db.stringStart(target) + old, start, start + more);
  }
  call.reply.integer(old + more);
}

function setRange(call: Call): void {
  const { db, request, reply } = call;
  const offset = call.integer(2);
  if (offset < 0) throw refusal('ERR offset is out of range');
  const place = call.findString(1);
  const old = place === 0 ? 0 : db.stringLength(place);
  const more = request.lengthOf(3);
  const length = Math.max(old, offset + more);
  if (more > 0) {
    const target = lengthen(call, place, length);
    const start = request.start(3);
    request.source.copy(
      db.stringSource(target),
      db.stringStart(target) + offset,
      start,
      start + more,
    );
  }
  reply.integer(more > 0 ? length : old);
}

function stringLength(call: Call): void {
  const place = call.findString(1);
  call.reply.integer(place === 0 ? 0 : call.db.stringLength(place));
}

function getRange(call: Call): void {
  const { db, reply } = call;
  let from = call.integer(2);
  let to = call.integer(3);
  const place = call.findString(1);
  const length = place === 0 ? 0 : db.stringLength(place);
  const nothing = from < 0 && to < 0 && from > to;
  if (from < 0) from = Math.max(from + length, 0);
  if (to < 0) to = Math.max(to + length, 0);
  to = Math.min(to, length - 1);
  if (nothing || from > to || length === 0) reply.text('');
  else reply.bulk(db.stringSource(place), db.stringStart(place) + from, to - from + 1);
}

export const STRING_PARTS = [
  define('incr', 2, 'write denyoom fast', ONE_KEY, incrementBy(1)),
  define('decr', 2, 'write denyoom fast', ONE_KEY, incrementBy(-1)),
  define('incrby', 3, 'write denyoom fast', ONE_KEY, incrementByArgument(1)),
  define('decrby', 3, 'write denyoom fast', ONE_KEY, incrementByArgument(-1)),
  define('incrbyfloat', 3, 'write denyoom fast', ONE_KEY, incrementByFloat),
  define('append', 3, 'write denyoom fast', ONE_KEY, append),
  define('strlen', 2, 'readonly fast', ONE_KEY, stringLength),
  define('getrange', 4, 'readonly', ONE_KEY, getRange),
  define('substr', 4, 'readonly', ONE_KEY, getRange),
  define('setrange', 4, 'write denyoom', ONE_KEY, setRange),
];
