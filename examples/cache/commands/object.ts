/** OBJECT: how a key is held, and how it is used. */
import { bigIntegerOf } from '../protocol/numbers.js';
import type { Call } from '../server/call.js';
import { define } from '../server/command.js';
import { refusal, SYNTAX } from '../server/refusal.js';
import * as E from '../store/entry.js';

/** Up to so many bytes a string is called embedded. */
const EMBEDDED = 44;
const DIGITS = 20;

const ENCODINGS: Readonly<Record<number, string>> = {
  [E.LARGE_STRING]: 'raw',
  [E.HASH_TABLE]: 'hashtable',
  [E.LIST]: 'quicklist',
  [E.SET]: 'hashtable',
  [E.SORTED_SET]: 'skiplist',
};

function encoding(call: Call, place: number): string {
  const { db } = call;
  const kind = db.kindOf(place);
  if (kind !== E.STRING) return ENCODINGS[kind] as string;
  const length = db.stringLength(place);
  if ((db.marks(place) & E.EDITED) !== 0) return 'raw';
  if (length <= DIGITS && bigIntegerOf(call.stringText(place)) !== undefined) return 'int';
  return length <= EMBEDDED ? 'embstr' : 'raw';
}

const NO_COUNTS =
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. ' +
  'Please note that when switching between policies at runtime LRU and LFU data will take ' +
  'some time to adjust.';
const NO_TIMES =
  'ERR An LFU maxmemory policy is selected, idle time not tracked. ' +
  'Please note that when switching between policies at runtime LRU and LFU data will take ' +
  'some time to adjust.';

function object(call: Call): void {
  const { db, reply } = call;
  const what = call.word(1);
  if (call.count !== 3) throw refusal(SYNTAX);
  const place = call.peek(2);
  if (place === 0) {
    reply.null();
    return;
  }
  const word = db.blocks.words[place * 2 + E.ACCESS] as number;
  if (what === 'ENCODING') reply.text(encoding(call, place));
  else if (what === 'REFCOUNT') reply.integer(1);
  else if (what === 'FREQ') {
    if (!db.access.byCount) throw refusal(NO_COUNTS);
    reply.integer(db.access.countOf(word));
  } else if (what === 'IDLETIME') {
    if (db.access.byCount) throw refusal(NO_TIMES);
    reply.integer(Math.floor(db.access.idleMsOf(word) / 1000));
  } else {
    throw refusal(`ERR unknown subcommand '${call.text(1).slice(0, 128)}'. Try OBJECT HELP.`);
  }
}

export const OBJECT = [define('object', -2, 'readonly', [2, 2, 1], object)];
