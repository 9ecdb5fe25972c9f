/** One command being answered: its arguments, the keys, and where the answer goes. */

import { doubleOf, integerOf } from '../protocol/numbers.js';
import type { Reply } from '../protocol/reply.js';
import type { Request } from '../protocol/request.js';
import { latin1 } from '../store/bytes.js';
import * as E from '../store/entry.js';
import type { Collection, Keyspace } from '../store/keyspace.js';
import { NO_FLOAT, NO_INTEGER, NO_MEMORY, refusal, SYNTAX, WRONG_TYPE } from './refusal.js';
import type { Server } from './server.js';
import type { Session } from './session.js';

export class Call {
  readonly server: Server;
  readonly db: Keyspace;
  readonly reply: Reply;
  declare request: Request;
  declare session: Session;
  /** The argument under which a collection was found last, and its place; nothing moved since. */
  private foundAt = 0;
  private foundPlace = 0;

  constructor(server: Server) {
    this.server = server;
    this.db = server.db;
    this.reply = server.reply;
  }

  /** Arguments, with the name of the command. */
  get count(): number {
    return this.request.count;
  }

  text(index: number): string {
    return this.request.text(index);
  }

  /** From `index` on. */
  texts(index: number): string[] {
    const texts: string[] = [];
    for (let each = index; each < this.count; each++) texts.push(this.text(each));
    return texts;
  }

  /** A word of the command's grammar. */
  word(index: number): string {
    return this.text(index).toUpperCase();
  }

  integer(index: number, message = NO_INTEGER): number {
    const { request } = this;
    const value = integerOf(request.source, request.start(index), request.lengthOf(index));
    if (Number.isNaN(value)) throw refusal(message);
    return value;
  }

  double(index: number, message = NO_FLOAT): number {
    const { request } = this;
    // Most are whole.
    const whole = integerOf(request.source, request.start(index), request.lengthOf(index));
    const value = Number.isNaN(whole) ? doubleOf(this.text(index)) : whole;
    if (Number.isNaN(value)) throw refusal(message);
    return value;
  }

  // --- keys --------------------------------------------------------------------------------------

  find(index: number): number {
    const { request } = this;
    return this.db.find(request.source, request.start(index), request.lengthOf(index));
  }

  peek(index: number): number {
    const { request } = this;
    return this.db.peek(request.source, request.start(index), request.lengthOf(index));
  }

  /** The place of a string; 0 when there is no such key. */
  findString(index: number): number {
    const place = this.find(index);
    if (place !== 0 && this.db.kindOf(place) > E.LARGE_STRING) throw refusal(WRONG_TYPE);
    return place;
  }

  stringText(place: number): string {
    const { db } = this;
    const start = db.stringStart(place);
    return latin1(db.stringSource(place), start, db.stringLength(place));
  }

  /** The collection under a key; undefined when there is no such key. */
  collection<Kind extends Collection>(index: number, kind: number): Kind | undefined {
    const place = this.find(index);
    this.foundAt = 0;
    if (place === 0) return undefined;
    if (this.db.kindOf(place) !== kind) throw refusal(WRONG_TYPE);
    this.foundAt = index;
    this.foundPlace = place;
    return this.db.collectionOf(place) as Kind;
  }

  /** The same, made by `make` where there is none. */
  collectionOrNew<Kind extends Collection>(index: number, kind: number, make: () => Kind): Kind {
    const found = this.collection<Kind>(index, kind);
    if (found !== undefined) return found;
    const made = make();
    this.addCollection(index, made);
    return made;
  }

  /** Under a key that `find` has just not found. */
  addCollection(index: number, value: Collection): void {
    const { request } = this;
    const [start, length] = [request.start(index), this.keyLength(index)];
    const place = this.db.addCollection(request.source, start, length, value);
    this.foundAt = index;
    this.foundPlace = place;
    if (place !== 0) return;
    value.release();
    throw refusal(NO_MEMORY);
  }

  /** Puts a collection where anything may have been; an empty one removes the key. */
  replaceCollection(index: number, value: Collection): void {
    this.keyLength(index);
    const place = this.peek(index);
    if (place !== 0) this.db.remove(place);
    if (value.size === 0) value.release();
    else {
      this.peek(index);
      this.addCollection(index, value);
      this.changed(index);
    }
  }

  /** A collection has changed: a key without elements goes. */
  changed(index: number): void {
    const place = this.foundAt === index ? this.foundPlace : this.peek(index);
    this.foundAt = 0;
    if (place === 0) return;
    const empty = this.db.kindOf(place) > E.LARGE_STRING && this.db.collectionOf(place).size === 0;
    if (empty) this.db.remove(place);
    else this.db.changed(place);
  }

  /** Writes a string under the key that was looked for last and is at `place`, or not there. */
  store(index: number, place: number, source: Uint8Array, start: number, length: number): number {
    const { db, request } = this;
    this.foundAt = 0;
    const target = db.reserve(
      place,
      request.source,
      request.start(index),
      this.keyLength(index),
      length,
    );
    if (target === 0) throw refusal(NO_MEMORY);
    db.writeString(target, source, start, length);
    db.changed(target);
    return target;
  }

  storeText(index: number, place: number, text: string): number {
    return this.store(index, place, Buffer.from(text, 'latin1'), 0, text.length);
  }

  keyLength(index: number): number {
    const length = this.request.lengthOf(index);
    if (length > this.server.limits.keyBytes) {
      throw refusal(`ERR a key may have ${this.server.limits.keyBytes} bytes`);
    }
    return length;
  }

  /** What stands behind a name such as COUNT. */
  following(index: number): number {
    if (index + 1 >= this.count) throw refusal(SYNTAX);
    return index + 1;
  }
}
