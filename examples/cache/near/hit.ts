/** Reads that memory answers, and what is noted of those that it does not. */
import type { Call } from '../server/call.js';
import { slotOf } from '../server/slots.js';
import { nameOfAnswer } from './memory.js';
import type { Near } from './near.js';
import { type ReadKind, ReadNote } from './read-note.js';

/** More keys than these at once are not kept, nor is an answer to longer words. */
const KEYS_MAX = 64;
const WORDS_MAX = 1024;

/** Answers from memory; false: it cannot. */
export function hit(near: Near, call: Call, kind: ReadKind): boolean {
  const found = kind === 'mget' ? hitAll(near, call) : hitOne(near, call, kind);
  if (found) near.server.hits++;
  else near.server.misses++;
  return found;
}

function hitOne(near: Near, call: Call, kind: ReadKind): boolean {
  const { memory } = near;
  const { request, session, reply, count } = call;
  if (count < 2) return false;
  if (kind === 'get') {
    const place = count === 2 ? memory.find(request, 1, false) : 0;
    if (place !== 0) {
      if (session.waiting === 0) memory.answer(place, reply);
      else near.inOrder(session, () => memory.answer(place, reply));
      return true;
    }
  }
  if (!memory.knowsOthers(request, 1)) return false;
  const answer = memory.findOther(request, 1, nameOfAnswer(request, session.protocol));
  if (answer === undefined) return false;
  near.inOrder(session, () => reply.raw(Buffer.from(answer, 'latin1')));
  return true;
}

function hitAll(near: Near, call: Call): boolean {
  const { memory } = near;
  const { request, session, reply, count } = call;
  const places: number[] = [];
  // Of a cluster they must be together, as they must be if memory does not have them.
  if (count < 2 || (near.upstream.clustered && !areTogether(call))) return false;
  for (let index = 1; index < count; index++) {
    const place = memory.find(request, index, true);
    if (place === 0) return false;
    places.push(place);
  }
  near.inOrder(session, () => {
    reply.array(places.length);
    for (const place of places) memory.answer(place, reply);
  });
  return true;
}

function areTogether({ request, count }: Call): boolean {
  const slot = (index: number): number =>
    slotOf(request.source, request.start(index), request.lengthOf(index));
  const first = slot(1);
  for (let index = 2; index < count; index++) if (slot(index) !== first) return false;
  return true;
}

/** Undefined: its answer is not to be kept. */
export function noteOf(near: Near, call: Call, kind: ReadKind): ReadNote | undefined {
  const { request, count, session, server, db } = call;
  const keys: string[] = [];
  const last = kind === 'mget' ? count - 1 : 1;
  for (let index = 1; index <= last && index < count; index++) {
    if (request.lengthOf(index) > server.limits.keyBytes) return undefined;
    keys.push(request.text(index));
  }
  // EXISTS may ask for several keys, and then its answer is about all of them.
  if (count !== 2 && kind === 'other' && call.word(0) === 'EXISTS') return undefined;
  if (keys.length === 0 || keys.length > KEYS_MAX) return undefined;
  const name = kind === 'mget' ? '' : nameOfAnswer(request, session.protocol);
  if (name.length > WORDS_MAX) return undefined;
  return new ReadNote(kind, keys, name, near.flights, db.now);
}
