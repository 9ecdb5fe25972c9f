/**
 * How many connections each client address has, over all workers, in shared memory: each worker
 * has a part that only it writes to. Addresses are known by 48 bits of hashes.
 */
import { hashOf } from './hash.js';

const ENTRIES = 16_384;
/** Places that a client may have, one behind the other. */
const WINDOW = 32;
const PART_BYTES = ENTRIES * 8;

export class Clients {
  static create(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(workers * PART_BYTES);
  }

  /** Pairs: who it is, and how many. */
  private readonly words: Int32Array;
  private readonly own: number;

  constructor(memory: SharedArrayBuffer, worker: number) {
    this.words = new Int32Array(memory);
    this.own = worker * ENTRIES * 2;
  }

  /** The thread that was here before has ended. */
  forget(): void {
    this.words.fill(0, this.own, this.own + ENTRIES * 2);
  }

  /** Counts one more, where it has less than `most`. */
  enter(name: string, place: number, most: number): boolean {
    const [first, tag] = keyOf(name, place);
    const at = this.find(this.own, first, tag) ?? this.find(this.own, first, undefined);
    // So many clients at once that there is no place for another.
    if (at === undefined) return false;
    Atomics.store(this.words, at, tag);
    Atomics.add(this.words, at + 1, 1);
    let sum = 0;
    for (let part = 0; part < this.words.length; part += ENTRIES * 2) {
      const other = this.find(part, first, tag);
      if (other !== undefined) sum += Atomics.load(this.words, other + 1);
    }
    if (sum <= most) return true;
    Atomics.sub(this.words, at + 1, 1);
    return false;
  }

  leave(name: string, place: number): void {
    const [first, tag] = keyOf(name, place);
    const at = this.find(this.own, first, tag);
    if (at !== undefined) Atomics.sub(this.words, at + 1, 1);
  }

  /** Where `tag` is, or a place that is free. */
  private find(part: number, first: number, tag: number | undefined): number | undefined {
    for (let step = 0; step < WINDOW; step++) {
      const at = part + ((first + step) % ENTRIES) * 2;
      const count = Atomics.load(this.words, at + 1);
      if (tag === undefined ? count === 0 : count > 0 && Atomics.load(this.words, at) === tag) {
        return at;
      }
    }
    return undefined;
  }
}

const keyOf = (name: string, place: number): [first: number, tag: number] => [
  hashOf(name, place) % ENTRIES,
  hashOf(name, ~place) | 0,
];
