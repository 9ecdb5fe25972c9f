/** Answers that are kept, by key: that of GET lies in a block like a string, others in a table. */
import type { Reply } from '../protocol/reply.js';
import type { Request } from '../protocol/request.js';
import * as E from '../store/entry.js';
import type { Evictor } from '../store/evictor.js';
import type { Keyspace } from '../store/keyspace.js';
import { Table } from '../store/table.js';

/** Marks of a string: there is no such key, as GET says or as MGET does (of what is no string). */
const NO_KEY = 2;
const NO_STRING = 4;

/** A larger answer would take the place of too many others: a share of the memory. */
const SHARE_MAX = 16;

export class Memory {
  private readonly db: Keyspace;
  private readonly evictor: Evictor;
  private readonly keyBytes: number;

  constructor(db: Keyspace, evictor: Evictor, keyBytes: number) {
    this.db = db;
    this.evictor = evictor;
    this.keyBytes = keyBytes;
  }

  // --- answering ---------------------------------------------------------------------------------

  /** Where the answer of GET is kept, or that of MGET for this key; 0: it is not. */
  find(request: Request, index: number, byMget: boolean): number {
    const { db } = this;
    const place = db.find(request.source, request.start(index), request.lengthOf(index));
    if (place === 0 || db.kindOf(place) > E.LARGE_STRING) return 0;
    return (db.marks(place) & NO_STRING) !== 0 && !byMget ? 0 : place;
  }

  answer(place: number, reply: Reply): void {
    const { db } = this;
    if ((db.marks(place) & (NO_KEY | NO_STRING)) !== 0) reply.null();
    else reply.bulk(db.stringSource(place), db.stringStart(place), db.stringLength(place));
  }

  /** Whether answers to other commands are kept for this key. */
  knowsOthers(request: Request, index: number): boolean {
    const { db } = this;
    const place = db.peek(request.source, request.start(index), request.lengthOf(index));
    return place !== 0 && db.kindOf(place) === E.HASH_TABLE;
  }

  /** The answer to another command, as it was. */
  findOther(request: Request, index: number, name: string): string | undefined {
    const { db } = this;
    const place = db.find(request.source, request.start(index), request.lengthOf(index));
    if (place === 0 || db.kindOf(place) !== E.HASH_TABLE) return undefined;
    return (db.collectionOf(place) as Table<string>).get(name);
  }

  // --- keeping -----------------------------------------------------------------------------------

  /** Keeps an answer of GET or MGET; `length` is -1 where there is none, `expires` 0: never. */
  keep(
    key: string,
    source: Buffer,
    start: number,
    length: number,
    byMget: boolean,
    expires: number,
  ): void {
    const { db } = this;
    if (!this.fits(key, length)) return;
    const bytes = Buffer.from(key, 'latin1');
    const size = Math.max(length, 0);
    const found = db.peek(bytes, 0, bytes.length);
    const place = db.reserve(found, bytes, 0, bytes.length, size);
    if (place === 0) {
      this.drop(key);
      return;
    }
    db.writeString(place, source, start, size);
    if (length < 0) db.mark(place, byMget ? NO_STRING : NO_KEY);
    db.setExpiry(place, expires);
  }

  keepOther(key: string, name: string, answer: string, expires: number): void {
    const { db } = this;
    if (!this.fits(key, answer.length)) return;
    const bytes = Buffer.from(key, 'latin1');
    let place = db.peek(bytes, 0, bytes.length);
    if (place !== 0 && db.kindOf(place) !== E.HASH_TABLE) {
      db.remove(place);
      place = db.peek(bytes, 0, bytes.length);
    }
    if (place === 0) {
      const made = new Table<string>(E.HASH_TABLE, db.budget);
      place = db.addCollection(bytes, 0, bytes.length, made);
      if (place === 0) {
        made.release();
        return;
      }
    }
    (db.collectionOf(place) as Table<string>).set(name, answer);
    db.setExpiry(place, expires);
    if (db.budget.over) this.evictor.relieve();
  }

  /** Whether other answers than that of GET are kept for a key. */
  hasOthers(key: string): boolean {
    const bytes = Buffer.from(key, 'latin1');
    const place = this.db.peek(bytes, 0, bytes.length);
    return place !== 0 && this.db.kindOf(place) === E.HASH_TABLE;
  }

  private fits(key: string, length: number): boolean {
    return key.length <= this.keyBytes && length <= this.db.budget.max / SHARE_MAX;
  }

  // --- forgetting --------------------------------------------------------------------------------

  drop(key: string): void {
    if (key.length > this.keyBytes) return;
    const bytes = Buffer.from(key, 'latin1');
    const place = this.db.peek(bytes, 0, bytes.length);
    if (place !== 0) this.db.remove(place);
  }

  dropAll(): void {
    this.db.clear();
  }
}

/** A command as the name of its answer: its words, each with its length, and the protocol. */
export function nameOfAnswer(request: Request, protocol: number): string {
  let name = `${protocol}${request.text(0).toLowerCase()}`;
  for (let index = 2; index < request.count; index++) {
    name += ` ${request.lengthOf(index)}:${request.text(index)}`;
  }
  return name;
}
