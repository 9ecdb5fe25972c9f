/** A sorted set: scores by name, and a skip list in the order of score and name. */
import { type Budget, NOBODYS } from './budget.js';
import { SORTED_SET } from './entry.js';
import type { Collection } from './keyspace.js';
import { Table } from './table.js';

const LEVELS = 32;
const PER_NODE = 96;

export interface Scored {
  readonly name: string;
  readonly score: number;
}

export interface Node extends Scored {
  back: Node | undefined;
  readonly next: (Node | undefined)[];
  /** How many nodes each of `next` goes over. */
  readonly spans: number[];
}

function nodeOf(name: string, score: number, levels: number): Node {
  return {
    name,
    score,
    back: undefined,
    next: new Array(levels).fill(undefined),
    spans: new Array(levels).fill(0),
  };
}

/** Of each level, the node before what is linked, and its rank: one list for all, made once. */
const before: Node[] = [];
const ranks: number[] = [];

/** Names are bytes as texts, so that their order is that of the bytes. */
function comesBefore(node: Node, score: number, name: string): boolean {
  return node.score < score || (node.score === score && node.name < name);
}

export class SortedSet implements Collection {
  readonly kind = SORTED_SET;
  readonly scores: Table<number>;
  private budget: Budget;
  private readonly head = nodeOf('', 0, LEVELS);
  private levels = 1;
  last: Node | undefined = undefined;

  constructor(budget: Budget) {
    this.budget = budget;
    this.scores = new Table<number>(SORTED_SET, budget);
  }

  get size(): number {
    return this.scores.size;
  }

  get bytes(): number {
    return this.scores.bytes + PER_NODE * this.size;
  }

  get first(): Node | undefined {
    return this.head.next[0];
  }

  /** True when the name is new. */
  set(name: string, given: number): boolean {
    // 0 and -0 are one score.
    const score = given === 0 ? 0 : given;
    const old = this.scores.get(name);
    if (old !== undefined) {
      if (old === score) return false;
      this.unlink(name, old);
    }
    this.link(name, score);
    return this.scores.set(name, score);
  }

  delete(name: string): boolean {
    const score = this.scores.get(name);
    if (score === undefined) return false;
    this.unlink(name, score);
    return this.scores.delete(name);
  }

  private link(name: string, score: number): void {
    let node = this.head;
    for (let level = this.levels - 1; level >= 0; level--) {
      let rank = level === this.levels - 1 ? 0 : (ranks[level + 1] as number);
      for (let next = node.next[level]; next && comesBefore(next, score, name); ) {
        rank += node.spans[level] as number;
        node = next;
        next = node.next[level];
      }
      ranks[level] = rank;
      before[level] = node;
    }
    let levels = 1;
    while (levels < LEVELS && Math.random() < 0.25) levels++;
    for (; this.levels < levels; this.levels++) {
      ranks[this.levels] = 0;
      before[this.levels] = this.head;
      this.head.spans[this.levels] = this.size;
    }
    const added = nodeOf(name, score, levels);
    const rank = ranks[0] as number;
    for (let level = 0; level < levels; level++) {
      const left = before[level] as Node;
      const passed = rank - (ranks[level] as number);
      added.next[level] = left.next[level];
      left.next[level] = added;
      added.spans[level] = (left.spans[level] as number) - passed;
      left.spans[level] = passed + 1;
    }
    for (let level = levels; level < this.levels; level++) {
      (before[level] as Node).spans[level]!++;
    }
    added.back = before[0] === this.head ? undefined : before[0];
    const after = added.next[0];
    if (after === undefined) this.last = added;
    else after.back = added;
    this.budget.heap += PER_NODE;
  }

  private unlink(name: string, score: number): void {
    let node = this.head;
    let found: Node | undefined;
    for (let level = this.levels - 1; level >= 0; level--) {
      for (let next = node.next[level]; next && comesBefore(next, score, name); ) {
        node = next;
        next = node.next[level];
      }
      const next = node.next[level];
      if (next?.name === name && next.score === score) {
        found = next;
        node.spans[level]! += (next.spans[level] as number) - 1;
        node.next[level] = next.next[level];
      } else node.spans[level]!--;
    }
    if (found === undefined) return;
    const after = found.next[0];
    if (after === undefined) this.last = found.back;
    else after.back = found.back;
    while (this.levels > 1 && this.head.next[this.levels - 1] === undefined) this.levels--;
    this.budget.heap -= PER_NODE;
  }

  /** How many come before the first of which `past` is not true; `past` is true for those first. */
  countWhile(past: (node: Node) => boolean): number {
    let node = this.head;
    let rank = 0;
    for (let level = this.levels - 1; level >= 0; level--) {
      for (let next = node.next[level]; next && past(next); next = node.next[level]) {
        rank += node.spans[level] as number;
        node = next;
      }
    }
    return rank;
  }

  rankOf(name: string): number | undefined {
    const score = this.scores.get(name);
    if (score === undefined) return undefined;
    return this.countWhile((node) => comesBefore(node, score, name));
  }

  /** The node with so many before it. */
  at(rank: number): Node | undefined {
    let node = this.head;
    let passed = -1;
    for (let level = this.levels - 1; level >= 0; level--) {
      for (let next = node.next[level]; next; next = node.next[level]) {
        const span = node.spans[level] as number;
        if (passed + span > rank) break;
        passed += span;
        node = next;
      }
    }
    return passed === rank && rank >= 0 ? node : undefined;
  }

  copy(): SortedSet {
    const copy = new SortedSet(this.budget);
    for (let node = this.first; node; node = node.next[0]) copy.set(node.name, node.score);
    return copy;
  }

  release(): void {
    this.budget.heap -= PER_NODE * this.size;
    this.scores.release();
    this.budget = NOBODYS;
  }
}
