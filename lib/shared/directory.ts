/** The structures in shared memory, by name. */
import { alignUp } from '../units.js';
import { invalidType, invalidValue } from '../validate.js';
import { SharedError } from './errors.js';
import {
  DIRECTORY,
  ENTRIES_MAX,
  ENTRY_BYTES,
  ENTRY_KIND,
  ENTRY_NAME,
  ENTRY_NAME_BYTES,
  ENTRY_PLACE,
  ENTRY_UNITS,
  HEAP,
  MEMORY_BUMP,
  MEMORY_COUNT,
  MEMORY_LOCK,
  NAME_BYTES_MAX,
  UNIT,
} from './layout.js';
import type { Participants } from './participants.js';
import { holdLockAs, releaseLock } from './robust-lock.js';

export interface Entry {
  readonly kind: number;
  /** Bytes from the start of the memory. */
  readonly offset: number;
  readonly bytes: number;
}

/** A name of a structure, as it stands in the directory. */
function nameBytes(name: unknown): Buffer {
  if (typeof name !== 'string') throw invalidType('name', 'a string', name);
  const bytes = Buffer.from(name);
  if (bytes.length >= 1 && bytes.length <= NAME_BYTES_MAX) return bytes;
  throw invalidValue('name', `must have 1 to ${NAME_BYTES_MAX} bytes`, name);
}

/**
 * Entries are added by one participant at a time and never taken away; the count is stored last, so
 * that what a participant left half made is overwritten by the next.
 */
export class Directory {
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  readonly #entries: Int32Array;
  readonly #participants: Participants;

  constructor(buffer: ArrayBuffer, participants: Participants) {
    this.#bytes = Buffer.from(buffer);
    this.#words = new Int32Array(buffer, 0, UNIT / 4);
    this.#entries = new Int32Array(buffer, DIRECTORY, (ENTRIES_MAX * ENTRY_BYTES) / 4);
    this.#participants = participants;
  }

  find(name: string): Entry | undefined {
    return this.#find(nameBytes(name));
  }

  #find(name: Buffer): Entry | undefined {
    const count = Math.min(Atomics.load(this.#words, MEMORY_COUNT) >>> 0, ENTRIES_MAX);
    for (let index = 0; index < count; index++) {
      const first = (index * ENTRY_BYTES) / 4;
      const at = DIRECTORY + index * ENTRY_BYTES + ENTRY_NAME;
      if (this.#entries[first + ENTRY_NAME_BYTES] !== name.length) continue;
      if (!this.#bytes.subarray(at, at + name.length).equals(name)) continue;
      const word = (which: number) => (this.#entries[first + which] as number) >>> 0;
      const [offset, bytes] = [word(ENTRY_PLACE) * UNIT, word(ENTRY_UNITS) * UNIT];
      if (offset < HEAP || offset + bytes > this.#bytes.length) {
        throw new SharedError('CORRUPT', `the entry of "${name}" points outside the memory`);
      }
      return { kind: word(ENTRY_KIND) | 0, offset, bytes };
    }
    return undefined;
  }

  /** Makes room for `bytes`, lets `fill` write what is not zero there, and then shows it to all. */
  add(name: string, kind: number, bytes: number, self: number, fill: (at: number) => void): Entry {
    const wanted = nameBytes(name);
    const isAlive = (other: number) => this.#participants.isAlive(other);
    holdLockAs(self, isAlive, this.#words, MEMORY_LOCK);
    try {
      if (this.#find(wanted)) {
        throw new SharedError('EXISTS', `there is a structure named "${name}" already`);
      }
      const index = Atomics.load(this.#words, MEMORY_COUNT) >>> 0;
      const place = Math.max(Atomics.load(this.#words, MEMORY_BUMP) >>> 0, HEAP / UNIT);
      const units = alignUp(bytes, UNIT) / UNIT;
      const free = Math.floor(this.#bytes.length / UNIT) - place;
      if (index >= ENTRIES_MAX) {
        throw new SharedError('FULL', `there are ${ENTRIES_MAX} structures already`);
      }
      if (units > free) {
        const needs = `"${name}" needs ${units * UNIT} bytes`;
        throw new SharedError('FULL', `${needs}, and ${Math.max(0, free) * UNIT} are free`);
      }
      // Taken before it is written: memory that was given away once is not zero any more.
      Atomics.store(this.#words, MEMORY_BUMP, place + units);
      fill(place * UNIT);
      const first = (index * ENTRY_BYTES) / 4;
      this.#entries[first + ENTRY_KIND] = kind;
      this.#entries[first + ENTRY_PLACE] = place;
      this.#entries[first + ENTRY_UNITS] = units;
      this.#entries[first + ENTRY_NAME_BYTES] = wanted.length;
      this.#bytes.set(wanted, DIRECTORY + index * ENTRY_BYTES + ENTRY_NAME);
      Atomics.store(this.#words, MEMORY_COUNT, index + 1);
      return { kind, offset: place * UNIT, bytes: units * UNIT };
    } finally {
      releaseLock(this.#words, MEMORY_LOCK);
    }
  }
}
