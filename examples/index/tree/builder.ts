/** Builds a tree from records that come in the order of their keys: from the left, by levels. */
import type { Records } from '../memory/records.js';
import * as L from './layout.js';
import type { Nodes } from './nodes.js';
import type { Tree } from './tree.js';

/** Room that is left in each node for what comes later: a sixteenth. */
const LEAF_FILL = L.LEAF_MAX - (L.LEAF_MAX >>> 4);
const INNER_FILL = L.INNER_MAX - (L.INNER_MAX >>> 4);

export class Builder {
  private readonly tree: Tree;
  private readonly nodes: Nodes;
  private readonly words: Int32Array;
  private readonly records: Records;
  /** The last node of each level. */
  private readonly last: number[];
  /** The record that was added last; 0 when there is none. */
  private before = 0;

  /** `tree` has nothing in it, and nothing else changes it until `end`. */
  constructor(tree: Tree) {
    this.tree = tree;
    this.nodes = tree.nodes;
    this.words = tree.nodes.words;
    this.records = tree.nodes.records;
    this.last = [tree.root];
  }

  /** Whether `place` comes behind all that has been added. */
  follows(place: number): boolean {
    return this.before === 0 || this.records.compare(this.before, place) < 0;
  }

  add(place: number): void {
    const { nodes, words } = this;
    let leaf = this.last[0] as number;
    if (words[leaf] === LEAF_FILL) {
      nodes.settle(leaf);
      const other = nodes.create(0);
      words[other + L.BEFORE] = leaf;
      words[leaf + L.NEXT] = other;
      const length = this.records.commonBytes(this.before, place) + 1;
      this.addSeparator(1, this.records.createPrefix(place, length), other);
      this.last[0] = leaf = other;
    }
    const count = words[leaf] as number;
    words[leaf + L.LEAF_KEYS + count] = place;
    words[leaf] = count + 1;
    this.before = place;
  }

  /** Gives the tree its root. */
  end(): void {
    for (const node of this.last) this.nodes.settle(node);
    this.tree.root = this.last.at(-1) as number;
    this.tree.version++;
  }

  private addSeparator(level: number, key: number, child: number): void {
    const { nodes, words } = this;
    let node = this.last[level];
    if (node === undefined) {
      node = nodes.create(level);
      words[node + L.CHILDREN] = this.last[level - 1] as number;
      this.last[level] = node;
    }
    const count = words[node] as number;
    if (count === INNER_FILL) {
      nodes.settle(node);
      const other = nodes.create(level);
      words[other + L.CHILDREN] = child;
      this.addSeparator(level + 1, key, other);
      this.last[level] = other;
      return;
    }
    words[node + L.INNER_KEYS + count] = key;
    words[node + L.CHILDREN + count + 1] = child;
    words[node] = count + 1;
  }
}
