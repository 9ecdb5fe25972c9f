/** All keys: an index over entries that lie in blocks, and the objects of what is no string. */
import { Access, type Policy } from './access.js';
import { Blocks } from './blocks.js';
import { Budget } from './budget.js';
import { copyBytes, latin1, sameBytes } from './bytes.js';
import * as E from './entry.js';
import { hashOf } from './hash.js';
import { Places } from './places.js';

/** What an entry that is no string has: it counts its own bytes in the budget. */
export interface Collection {
  readonly kind: number;
  readonly size: number;
  readonly bytes: number;
  /** It is no longer needed: its bytes are nobody's. */
  release(): void;
}

const FEWEST_BUCKETS = 1024;
/** A shorter value stays in a block of so many bytes, which saves moves. */
const ROOM_TO_SPARE = 256;

export class Keyspace {
  readonly budget: Budget;
  readonly blocks: Blocks;
  readonly access: Access;
  /** Of all entries, and of those that expire. */
  readonly all = new Places();
  readonly expiring = new Places();
  /** Milliseconds since 1970, once for each batch of requests. */
  now = Date.now();
  readonly startedAt: number = this.now;
  /** Set by what makes room; told how often it was called for this. False: nothing may go. */
  makeRoom: (tries: number) => boolean = () => false;
  /** Told of each key that changes, while somebody wants to know. */
  onChange: ((key: string) => void) | undefined = undefined;
  /** Counts changes. */
  changes = 0;
  expired = 0;
  /** Entry that must stay where it is while room is made. */
  pinned = 0;
  private buckets = new Int32Array(FEWEST_BUCKETS);
  private readonly objects: (Collection | Buffer | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  /** Of the key that was looked for last. */
  private hash = 0;

  constructor(maxBytes: number, policy: Policy, huge: boolean) {
    this.budget = new Budget(maxBytes);
    this.blocks = new Blocks(this.budget, huge);
    this.access = new Access(policy);
  }

  get size(): number {
    return this.all.length;
  }

  tick(): void {
    this.now = Date.now();
    this.access.clock = this.now - this.startedAt;
  }

  // --- finding -----------------------------------------------------------------------------------

  /** The place of the entry, 0 when there is none; it counts as a use. */
  find(source: Uint8Array, start: number, length: number): number {
    const place = this.peek(source, start, length);
    if (place !== 0) {
      const word = place * 2 + E.ACCESS;
      const { words } = this.blocks;
      words[word] = this.access.used(words[word] as number);
    }
    return place;
  }

  /** As `find`, without being a use. What has expired goes. */
  peek(source: Uint8Array, start: number, length: number): number {
    const hash = hashOf(source, start, length);
    this.hash = hash;
    const { words, bytes, doubles } = this.blocks;
    let place = this.buckets[hash & (this.buckets.length - 1)] as number;
    while (place !== 0) {
      const word = place * 2;
      if (
        words[word + E.HASH] === hash &&
        ((words[word + E.KEY] as number) & E.KEY_MASK) === length &&
        sameBytes(bytes, place * 8 + E.HEADER_BYTES, source, start, length)
      ) {
        const expires = doubles[place + E.EXPIRES] as number;
        if (expires === 0 || expires > this.now) return place;
        this.expire(place);
        return 0;
      }
      place = words[word] as number;
    }
    return 0;
  }

  kindOf(place: number): number {
    return (this.blocks.words[place * 2 + E.KEY] as number) >>> E.KEY_BITS;
  }

  keyOf(place: number): string {
    return latin1(this.blocks.bytes, this.keyStart(place), this.keyLength(place));
  }

  keyStart(place: number): number {
    return place * 8 + E.HEADER_BYTES;
  }

  keyLength(place: number): number {
    return (this.blocks.words[place * 2 + E.KEY] as number) & E.KEY_MASK;
  }

  collectionOf(place: number): Collection {
    return this.objects[this.blocks.words[place * 2 + E.VALUE] as number] as Collection;
  }

  /** Where the bytes of a string are: these, from `stringStart` on, `stringLength` many. */
  stringSource(place: number): Buffer {
    if (this.kindOf(place) === E.STRING) return this.blocks.bytes;
    return this.objects[this.blocks.words[place * 2 + E.VALUE] as number] as Buffer;
  }

  stringStart(place: number): number {
    return this.kindOf(place) === E.STRING ? this.keyStart(place) + this.keyLength(place) : 0;
  }

  stringLength(place: number): number {
    if (this.kindOf(place) !== E.STRING) return this.stringSource(place).length;
    return this.blocks.words[place * 2 + E.VALUE] as number;
  }

  marks(place: number): number {
    return this.blocks.words[place * 2 + E.MARKS] as number;
  }

  mark(place: number, marks: number): void {
    this.blocks.words[place * 2 + E.MARKS] = marks;
  }

  /** What an entry takes, with its object. */
  bytesOf(place: number): number {
    const kind = this.kindOf(place);
    const block = this.blocks.room(place);
    if (kind === E.STRING) return block;
    if (kind === E.LARGE_STRING) return block + this.stringLength(place);
    return block + this.collectionOf(place).bytes;
  }

  // --- changing ----------------------------------------------------------------------------------

  /** What is at `place` is different now. */
  changed(place: number): void {
    this.changes++;
    if (this.onChange !== undefined) this.onChange(this.keyOf(place));
  }

  /**
   * Makes room for a string of `length` bytes under the key that was looked for last, in place of
   * what is at `place` (0: nothing); the bytes are the caller's to write. The expiry stays.
   * Answers the new place, 0 when memory is full.
   */
  reserve(
    place: number,
    source: Uint8Array,
    start: number,
    keyLength: number,
    length: number,
  ): number {
    const size = E.HEADER_BYTES + keyLength + length;
    const large = size > this.blocks.largest;
    const hash = this.hash;
    if (large && !this.hasRoomFor(length, place)) return 0;
    this.hash = hash;
    let target = place;
    if (place === 0) target = this.insert(source, start, keyLength, large ? size - length : size);
    else {
      const room = this.blocks.room(place);
      const fits = large || (size <= room && (size > room / 2 || room <= ROOM_TO_SPARE));
      if (!fits) target = this.move(place, size);
      if (target !== 0 && this.kindOf(target) !== E.STRING) this.dropObject(target);
    }
    if (target === 0) return 0;
    const word = target * 2;
    const { words } = this.blocks;
    words[word + E.KEY] = keyLength | ((large ? E.LARGE_STRING : E.STRING) << E.KEY_BITS);
    words[word + E.VALUE] = large ? this.keepObject(Buffer.allocUnsafeSlow(length)) : length;
    if (large) this.budget.heap += length;
    words[word + E.MARKS] = 0;
    return target;
  }

  /** Fills what `reserve` has made. */
  writeString(place: number, source: Uint8Array, start: number, length: number): void {
    copyBytes(source, start, length, this.stringSource(place), this.stringStart(place));
  }

  /** An entry for what is no string, under the key that was looked for last; there is none yet. */
  addCollection(source: Uint8Array, start: number, length: number, value: Collection): number {
    const place = this.insert(source, start, length, E.HEADER_BYTES + length);
    if (place === 0) return 0;
    const word = place * 2;
    this.blocks.words[word + E.KEY] = length | (value.kind << E.KEY_BITS);
    this.blocks.words[word + E.VALUE] = this.keepObject(value);
    return place;
  }

  setExpiry(place: number, expires: number): void {
    const { words, doubles } = this.blocks;
    const word = place * 2 + E.EXPIRING;
    doubles[place + E.EXPIRES] = expires;
    const listed = words[word] as number;
    if (expires === 0 && listed !== 0) this.unlist(place);
    else if (expires !== 0 && listed === 0) words[word] = this.expiring.add(place) + 1;
  }

  expiryOf(place: number): number {
    return this.blocks.doubles[place + E.EXPIRES] as number;
  }

  remove(place: number): void {
    this.changed(place);
    if (this.kindOf(place) !== E.STRING) this.dropObject(place);
    this.take(place);
  }

  expire(place: number): void {
    this.expired++;
    this.remove(place);
  }

  /** Takes the entry out; answers its object, which goes on. */
  detach(place: number): Collection | Buffer {
    const slot = this.blocks.words[place * 2 + E.VALUE] as number;
    const object = this.objects[slot] as Collection | Buffer;
    this.objects[slot] = undefined;
    this.freeSlots.push(slot);
    this.changed(place);
    this.take(place);
    return object;
  }

  clear(): void {
    while (this.all.length > 0) this.remove(this.all.at(this.all.length - 1));
    this.blocks.trim();
    this.budget.heap -= (this.buckets.length - FEWEST_BUCKETS) * 4;
    this.buckets = new Int32Array(FEWEST_BUCKETS);
  }

  // --- entries -----------------------------------------------------------------------------------

  private block(size: number): number {
    for (let tries = 0; ; tries++) {
      const place = this.blocks.take(size);
      if (place !== 0 || !this.makeRoom(tries)) return place;
    }
  }

  private hasRoomFor(length: number, place: number): boolean {
    this.pinned = place;
    for (let tries = 0; !this.budget.has(length) && this.makeRoom(tries); ) tries++;
    this.pinned = 0;
    return this.budget.has(length);
  }

  private insert(source: Uint8Array, start: number, length: number, size: number): number {
    // Making room may look for other keys.
    const { hash } = this;
    const place = this.block(size);
    if (place === 0) return 0;
    const { words, doubles, bytes } = this.blocks;
    const word = place * 2;
    const bucket = hash & (this.buckets.length - 1);
    words[word + E.NEXT] = this.buckets[bucket] as number;
    this.buckets[bucket] = place;
    words[word + E.HASH] = hash;
    // Nothing that reads the entry comes before the caller has said what it is.
    words[word + E.KEY] = length | (E.STRING << E.KEY_BITS);
    words[word + E.VALUE] = 0;
    doubles[place + E.EXPIRES] = 0;
    words[word + E.ACCESS] = this.access.fresh;
    words[word + E.MARKS] = 0;
    words[word + E.EXPIRING] = 0;
    words[word + E.ORDER] = this.all.add(place);
    copyBytes(source, start, length, bytes, this.keyStart(place));
    if (this.all.length > this.buckets.length) this.rehash();
    return place;
  }

  /** To a block of another size: header and key go along, the value does not. */
  private move(place: number, size: number): number {
    this.pinned = place;
    const target = this.block(size);
    this.pinned = 0;
    if (target === 0) return 0;
    const { words, bytes } = this.blocks;
    this.point(place, target);
    const kept = E.HEADER_BYTES + this.keyLength(place);
    bytes.copyWithin(target * 8, place * 8, place * 8 + kept);
    this.all.replace(words[target * 2 + E.ORDER] as number, target);
    const listed = words[target * 2 + E.EXPIRING] as number;
    if (listed !== 0) this.expiring.replace(listed - 1, target);
    this.blocks.give(place);
    return target;
  }

  /** Whatever points to `place` in its bucket points to `target` from now on. */
  private point(place: number, target: number): void {
    const { words } = this.blocks;
    const bucket = (words[place * 2 + E.HASH] as number) & (this.buckets.length - 1);
    let at = this.buckets[bucket] as number;
    if (at === place) {
      this.buckets[bucket] = target;
      return;
    }
    while ((words[at * 2] as number) !== place) at = words[at * 2] as number;
    words[at * 2] = target;
  }

  private take(place: number): void {
    const { words } = this.blocks;
    this.point(place, words[place * 2] as number);
    if (words[place * 2 + E.EXPIRING] !== 0) this.unlist(place);
    const order = words[place * 2 + E.ORDER] as number;
    const moved = this.all.remove(order);
    if (moved !== 0) words[moved * 2 + E.ORDER] = order;
    this.blocks.give(place);
  }

  private unlist(place: number): void {
    const { words } = this.blocks;
    const index = (words[place * 2 + E.EXPIRING] as number) - 1;
    words[place * 2 + E.EXPIRING] = 0;
    const moved = this.expiring.remove(index);
    if (moved !== 0) words[moved * 2 + E.EXPIRING] = index + 1;
  }

  private keepObject(object: Collection | Buffer): number {
    const slot = this.freeSlots.pop() ?? this.objects.length;
    this.objects[slot] = object;
    return slot;
  }

  private dropObject(place: number): void {
    const slot = this.blocks.words[place * 2 + E.VALUE] as number;
    const object = this.objects[slot] as Collection | Buffer;
    if (Buffer.isBuffer(object)) this.budget.heap -= object.length;
    else object.release();
    this.objects[slot] = undefined;
    this.freeSlots.push(slot);
  }

  private rehash(): void {
    const count = this.buckets.length * 2;
    this.budget.heap += (count - this.buckets.length) * 4;
    const buckets = new Int32Array(count);
    const { words } = this.blocks;
    for (let index = 0; index < this.all.length; index++) {
      const place = this.all.at(index);
      const bucket = (words[place * 2 + E.HASH] as number) & (count - 1);
      words[place * 2] = buckets[bucket] as number;
      buckets[bucket] = place;
    }
    this.buckets = buckets;
  }
}
