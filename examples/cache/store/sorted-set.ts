/**
 * A sorted set: scores by name, and pieces of a list in the order of score and name. To find a
 * place touches the last scores of the pieces, which lie side by side, and one piece: a skip list
 * or a tree waits for another cache line at each step.
 */
import { type Budget, NOBODYS } from './budget.js';
import { SORTED_SET } from './entry.js';
import type { Collection } from './keyspace.js';
import { Table } from './table.js';

/** Elements of a piece. More are made two, and a few are joined with the next one. */
const MOST = 256;
const FEW = 32;
const PER_ELEMENT = 24;

export interface Scored {
  readonly name: string;
  readonly score: number;
}

interface Piece {
  readonly scores: number[];
  readonly names: string[];
}

/** Whether an element comes before some bound: true for the first ones, and then no more. */
export type Before = (score: number, name: string) => boolean;

/** Names are bytes as texts, so that their order is that of the bytes. */
function comesBefore(score: number, name: string, otherScore: number, otherName: string): boolean {
  return score < otherScore || (score === otherScore && name < otherName);
}

export class SortedSet implements Collection {
  readonly kind = SORTED_SET;
  readonly scores: Table<number>;
  private budget: Budget;
  private readonly pieces: Piece[] = [{ scores: [], names: [] }];
  /** Of each piece the last score, and how many elements it has. */
  private readonly lasts: number[] = [Number.NEGATIVE_INFINITY];
  private readonly sizes: number[] = [0];

  constructor(budget: Budget) {
    this.budget = budget;
    this.scores = new Table<number>(SORTED_SET, budget);
  }

  get size(): number {
    return this.scores.size;
  }

  get bytes(): number {
    return this.scores.bytes + PER_ELEMENT * this.size;
  }

  /** True when the name is new. */
  set(name: string, given: number): boolean {
    // 0 and -0 are one score.
    const score = given === 0 ? 0 : given;
    const old = this.scores.get(name);
    if (old === score) return false;
    if (old !== undefined) this.take(name, old);
    this.put(name, score);
    return this.scores.set(name, score);
  }

  delete(name: string): boolean {
    const score = this.scores.get(name);
    if (score === undefined) return false;
    this.take(name, score);
    return this.scores.delete(name);
  }

  // --- pieces ------------------------------------------------------------------------------------

  /** The first piece whose last element does not come before this one; the last one if all do. */
  private pieceFor(score: number, name: string): number {
    let from = 0;
    let to = this.pieces.length - 1;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const last = this.lasts[middle] as number;
      const before = last < score || (last === score && this.lastName(middle) < name);
      if (before) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  private lastName(index: number): string {
    const { names } = this.pieces[index] as Piece;
    return names[names.length - 1] as string;
  }

  private put(name: string, score: number): void {
    const index = this.pieceFor(score, name);
    const { scores, names } = this.pieces[index] as Piece;
    const place = placeOf(scores, names, score, name);
    scores.splice(place, 0, score);
    names.splice(place, 0, name);
    if (names.length > MOST) this.split(index);
    else this.note(index);
    this.budget.heap += PER_ELEMENT;
  }

  private take(name: string, score: number): void {
    const index = this.pieceFor(score, name);
    const { scores, names } = this.pieces[index] as Piece;
    const place = placeOf(scores, names, score, name);
    scores.splice(place, 1);
    names.splice(place, 1);
    this.note(index);
    if (names.length < FEW) this.join(index);
    this.budget.heap -= PER_ELEMENT;
  }

  /** Piece `index` has changed. */
  private note(index: number): void {
    const { scores } = this.pieces[index] as Piece;
    this.sizes[index] = scores.length;
    this.lasts[index] = scores[scores.length - 1] ?? Number.NEGATIVE_INFINITY;
  }

  private split(index: number): void {
    const { scores, names } = this.pieces[index] as Piece;
    this.pieces.splice(index + 1, 0, {
      scores: scores.splice(MOST / 2),
      names: names.splice(MOST / 2),
    });
    this.sizes.splice(index + 1, 0, 0);
    this.lasts.splice(index + 1, 0, 0);
    this.note(index);
    this.note(index + 1);
  }

  /** A piece of few goes to its neighbour, if both have no more than half of the most. */
  private join(index: number): void {
    const left = index > 0 ? index - 1 : index;
    const right = this.pieces[left + 1];
    if (right === undefined) return;
    const { scores, names } = this.pieces[left] as Piece;
    // An empty one has no last element to be found by, and goes in any case.
    const smaller = Math.min(names.length, right.names.length);
    if (smaller > 0 && names.length + right.names.length > MOST / 2) return;
    scores.push(...right.scores);
    names.push(...right.names);
    this.pieces.splice(left + 1, 1);
    this.sizes.splice(left + 1, 1);
    this.lasts.splice(left + 1, 1);
    this.note(left);
  }

  // --- ranks -------------------------------------------------------------------------------------

  /** How many come before the first of which `before` is not true. */
  countWhile(before: Before): number {
    let from = 0;
    let to = this.pieces.length - 1;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (before(this.lasts[middle] as number, this.lastName(middle))) from = middle + 1;
      else to = middle;
    }
    const { scores, names } = this.pieces[from] as Piece;
    return this.countBefore(from) + countIn(scores, names, before);
  }

  private countBefore(piece: number): number {
    let count = 0;
    for (let index = 0; index < piece; index++) count += this.sizes[index] as number;
    return count;
  }

  rankOf(name: string): number | undefined {
    const score = this.scores.get(name);
    if (score === undefined) return undefined;
    const index = this.pieceFor(score, name);
    const { scores, names } = this.pieces[index] as Piece;
    return this.countBefore(index) + placeOf(scores, names, score, name);
  }

  /** `count` elements, the first of which has `rank` before it. */
  slice(rank: number, count: number): Scored[] {
    const found: Scored[] = [];
    let index = 0;
    let place = rank;
    while (index < this.pieces.length && place >= (this.sizes[index] as number)) {
      place -= this.sizes[index++] as number;
    }
    for (; index < this.pieces.length && found.length < count; index++, place = 0) {
      const { scores, names } = this.pieces[index] as Piece;
      for (; place < names.length && found.length < count; place++) {
        found.push({ name: names[place] as string, score: scores[place] as number });
      }
    }
    return found;
  }

  copy(): SortedSet {
    const copy = new SortedSet(this.budget);
    for (const { name, score } of this.slice(0, this.size)) copy.set(name, score);
    return copy;
  }

  release(): void {
    this.budget.heap -= PER_ELEMENT * this.size;
    this.scores.release();
    this.budget = NOBODYS;
  }
}

/** Where an element is in a piece, or belongs. */
function placeOf(
  scores: readonly number[],
  names: readonly string[],
  score: number,
  name: string,
): number {
  let from = 0;
  let to = names.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (comesBefore(scores[middle] as number, names[middle] as string, score, name)) {
      from = middle + 1;
    } else to = middle;
  }
  return from;
}

function countIn(scores: readonly number[], names: readonly string[], before: Before): number {
  let from = 0;
  let to = names.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (before(scores[middle] as number, names[middle] as string)) from = middle + 1;
    else to = middle;
  }
  return from;
}
