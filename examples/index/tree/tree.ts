/** The B+tree: places of records in the order of their keys, in leaves that are linked. */
import type { Records } from '../memory/records.js';
import * as L from './layout.js';
import type { Nodes } from './nodes.js';

/** More levels than memory can hold. */
const LEVELS_MAX = 16;
/** Nodes with fewer keys, in shares of what they can have, are put together with a neighbour. */
const SPARSE = 4;

export class Tree {
  readonly nodes: Nodes;
  private readonly words: Int32Array;
  private readonly records: Records;
  root: number;
  firstLeaf: number;
  /** Changes with each key that comes or goes. */
  version = 0;
  /** The way of the last search: inner nodes from the root on, and which child was taken. */
  private readonly path = new Int32Array(LEVELS_MAX);
  private readonly turns = new Int32Array(LEVELS_MAX);
  private depth = 0;

  constructor(nodes: Nodes) {
    this.nodes = nodes;
    this.words = nodes.words;
    this.records = nodes.records;
    this.root = nodes.create(0);
    this.firstLeaf = this.root;
  }

  /** Begins anew, after all blocks have been taken back. */
  reset(): void {
    this.nodes.count = 0;
    this.root = this.nodes.create(0);
    this.firstLeaf = this.root;
    this.version++;
  }

  /** The leaf in which `key` is, or would be. */
  leafOf(key: number): number {
    const { nodes } = this;
    let node = this.root;
    this.depth = 0;
    while (!nodes.isLeaf(node)) {
      const turn = nodes.descend(node, key);
      this.path[this.depth] = node;
      this.turns[this.depth++] = turn;
      node = nodes.child(node, turn);
    }
    return node;
  }

  /** Adds a record whose key is not there. */
  insert(place: number): void {
    const { nodes, words } = this;
    let leaf = this.leafOf(place);
    let index = nodes.search(leaf, place);
    this.version++;
    if (words[leaf] === L.LEAF_MAX) {
      const behind = words[leaf + L.NEXT] as number;
      // Keys that come in order leave full leaves behind them.
      const from = index === L.LEAF_MAX && behind === 0 ? L.LEAF_MAX - 1 : L.LEAF_MAX >>> 1;
      const separator = this.splitLeaf(leaf, from);
      // Between the two halves the key that parts them says which one it is.
      if (index > from || (index === from && this.records.compare(place, separator) >= 0)) {
        leaf = words[leaf + L.NEXT] as number;
        index -= from;
      }
    }
    nodes.insert(leaf, index, place);
  }

  /** Names the record at `place` by another place; both have the same key. */
  replace(place: number, other: number): void {
    const { nodes, words } = this;
    const leaf = this.leafOf(place);
    words[leaf + L.LEAF_KEYS + nodes.search(leaf, place)] = other;
    this.version++;
  }

  /** Takes out the record at `place`, which is there. */
  remove(place: number): void {
    const { nodes } = this;
    let node = this.leafOf(place);
    nodes.takeOut(node, nodes.search(node, place));
    this.version++;
    while (this.depth > 0 && nodes.size(node) * SPARSE < nodes.max(node)) {
      const parent = this.path[--this.depth] as number;
      if (!this.join(parent, this.turns[this.depth] as number)) break;
      node = parent;
    }
    while (!nodes.isLeaf(this.root) && nodes.size(this.root) === 0) {
      const only = nodes.child(this.root, 0);
      nodes.remove(this.root);
      this.root = only;
    }
  }

  // --- growing -----------------------------------------------------------------------------------

  /** Moves the records from `from` on to a new leaf behind; answers the key that parts them. */
  private splitLeaf(leaf: number, from: number): number {
    const { nodes, words, records } = this;
    const other = nodes.create(0);
    this.moveTail(leaf, from, other);
    const behind = words[leaf + L.NEXT] as number;
    words[other + L.NEXT] = behind;
    words[other + L.BEFORE] = leaf;
    words[leaf + L.NEXT] = other;
    if (behind !== 0) words[behind + L.BEFORE] = other;
    const last = words[leaf + L.LEAF_KEYS + from - 1] as number;
    const first = words[other + L.LEAF_KEYS] as number;
    nodes.settle(leaf);
    nodes.settle(other);
    const separator = records.createPrefix(first, records.commonBytes(last, first) + 1);
    this.addSeparator(separator, other);
    return separator;
  }

  private moveTail(node: number, from: number, other: number): void {
    const { words, nodes } = this;
    const keys = nodes.keys(node);
    const count = nodes.size(node);
    words.copyWithin(nodes.keys(other), keys + from, keys + count);
    words[other] = count - from;
    words[node] = from;
  }

  /** Puts a key, and the node behind it, into the parents that the last search came through. */
  private addSeparator(key: number, behind: number): void {
    const { nodes, words } = this;
    let [separator, child] = [key, behind];
    while (this.depth > 0) {
      const node = this.path[--this.depth] as number;
      const turn = this.turns[this.depth] as number;
      if (nodes.size(node) < L.INNER_MAX) {
        nodes.insert(node, turn, separator, child);
        return;
      }
      const middle = L.INNER_MAX >>> 1;
      const other = nodes.create(words[node + L.LEVEL] as number);
      const up = words[node + L.INNER_KEYS + middle] as number;
      const children = node + L.CHILDREN;
      words.copyWithin(other + L.CHILDREN, children + middle + 1, children + L.INNER_MAX + 1);
      this.moveTail(node, middle + 1, other);
      words[node] = middle;
      nodes.settle(node);
      nodes.settle(other);
      if (turn <= middle) nodes.insert(node, turn, separator, child);
      else nodes.insert(other, turn - middle - 1, separator, child);
      [separator, child] = [up, other];
    }
    const root = nodes.create((words[this.root + L.LEVEL] as number) + 1);
    words[root + L.CHILDREN] = this.root;
    nodes.insert(root, 0, separator, child);
    this.root = root;
  }

  // --- shrinking ---------------------------------------------------------------------------------

  /** Puts the child at `turn` together with a neighbour, unless both have too much for one. */
  private join(parent: number, turn: number): boolean {
    const { nodes, words } = this;
    // A parent without a key has one child, and looks for a neighbour itself.
    if (nodes.size(parent) === 0) return true;
    const left = turn > 0 ? turn - 1 : 0;
    const one = nodes.child(parent, left);
    const other = nodes.child(parent, left + 1);
    const separator = words[parent + L.INNER_KEYS + left] as number;
    const leaf = nodes.isLeaf(one);
    const sum = nodes.size(one) + nodes.size(other) + (leaf ? 0 : 1);
    const hasNone = nodes.size(one) === 0 || nodes.size(other) === 0;
    if (sum * 4 > nodes.max(one) * 3 && !(hasNone && sum <= nodes.max(one))) return false;
    if (leaf) this.mergeLeaves(one, other, separator);
    else this.mergeInner(one, other, separator);
    nodes.settle(one);
    nodes.remove(other);
    nodes.takeOut(parent, left);
    return true;
  }

  private mergeLeaves(one: number, other: number, separator: number): void {
    const { words } = this;
    this.moveAll(other, one);
    const behind = words[other + L.NEXT] as number;
    words[one + L.NEXT] = behind;
    if (behind !== 0) words[behind + L.BEFORE] = one;
    this.records.remove(separator);
  }

  /** The key between two inner nodes comes down between their keys. */
  private mergeInner(one: number, other: number, separator: number): void {
    const { words } = this;
    const count = words[one] as number;
    words[one + L.INNER_KEYS + count] = separator;
    words[one] = count + 1;
    const children = other + L.CHILDREN;
    const end = children + (words[other] as number) + 1;
    words.copyWithin(one + L.CHILDREN + count + 1, children, end);
    this.moveAll(other, one);
  }

  private moveAll(from: number, to: number): void {
    const { nodes, words } = this;
    const keys = nodes.keys(from);
    const count = words[to] as number;
    words.copyWithin(nodes.keys(to) + count, keys, keys + nodes.size(from));
    words[to] = count + nodes.size(from);
  }
}
