/** One node: its keys in order, found by their slices. Nodes are named by their first word. */
import type { Blocks } from '../memory/blocks.js';
import type { Records } from '../memory/records.js';
import * as L from './layout.js';

/** Words that are moved one by one: fewer cost less than a call. */
const FEW = 24;

export class Nodes {
  readonly words: Int32Array;
  readonly records: Records;
  private readonly blocks: Blocks;
  /** The last search has found the key itself. */
  exact = false;
  count = 0;

  constructor(blocks: Blocks, records: Records) {
    this.blocks = blocks;
    this.records = records;
    this.words = records.words;
  }

  create(level: number): number {
    const node = this.blocks.take(L.NODE_BYTES) << 1;
    this.words.fill(0, node, node + L.SLICES);
    this.words[node + L.LEVEL] = level;
    this.count++;
    return node;
  }

  remove(node: number): void {
    this.blocks.give(node >>> 1);
    this.count--;
  }

  size(node: number): number {
    return this.words[node] as number;
  }

  isLeaf(node: number): boolean {
    return this.words[node + L.LEVEL] === 0;
  }

  max(node: number): number {
    return this.isLeaf(node) ? L.LEAF_MAX : L.INNER_MAX;
  }

  /** The word of the first key's place. */
  keys(node: number): number {
    return node + (this.isLeaf(node) ? L.LEAF_KEYS : L.INNER_KEYS);
  }

  child(node: number, index: number): number {
    return this.words[node + L.CHILDREN + index] as number;
  }

  /** How many keys of the node come before `key`; `exact` says whether the next one is `key`. */
  search(node: number, key: number): number {
    const { words, records } = this;
    this.exact = false;
    const side = this.besidePrefix(node, key);
    const count = words[node] as number;
    if (side !== 0) return side < 0 ? 0 : count;
    const slice = records.slice(key, words[node + L.PREFIX_LENGTH] as number);
    const slices = node + L.SLICES;
    const keys = this.keys(node);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = words[slices + middle] as number;
      if (other < slice) low = middle + 1;
      else if (other > slice) high = middle;
      else {
        const order = records.compare(words[keys + middle] as number, key);
        if (order < 0) low = middle + 1;
        else {
          high = middle;
          if (order === 0) this.exact = true;
        }
      }
    }
    return low;
  }

  /** The child of an inner node under which `key` is, or would be. */
  descend(node: number, key: number): number {
    const index = this.search(node, key);
    return this.exact ? index + 1 : index;
  }

  /** Below 0: `key` comes before all that begins with the prefix; above: behind it. */
  private besidePrefix(node: number, key: number): number {
    const { words, records } = this;
    const length = words[node + L.PREFIX_LENGTH] as number;
    let a = node + L.PREFIX;
    let b = (key << 1) + 1;
    for (const end = a + (length >>> 2); a < end && words[a] === words[b]; a++, b++);
    // What differs, and what is behind the end of either, byte by byte.
    const keyLength = records.keyLength(key);
    const { bytes } = records;
    for (let index = (a - node - L.PREFIX) * 4; index < length; index++) {
      if (index >= keyLength) return -1;
      const order =
        (bytes[key * 8 + 4 + index] as number) - (bytes[(node + L.PREFIX) * 4 + index] as number);
      if (order !== 0) return order;
    }
    return length > keyLength ? -1 : 0;
  }

  /** Makes room for a key at `index`, and for an inner node the child behind it. */
  insert(node: number, index: number, key: number, child = 0): void {
    const { words } = this;
    const count = words[node] as number;
    this.admit(node, key);
    const keys = this.keys(node);
    this.open(node + L.SLICES + index, node + L.SLICES + count);
    this.open(keys + index, keys + count);
    const prefix = words[node + L.PREFIX_LENGTH] as number;
    words[node + L.SLICES + index] = this.records.slice(key, prefix);
    words[keys + index] = key;
    if (!this.isLeaf(node)) {
      const children = node + L.CHILDREN;
      this.open(children + index + 1, children + count + 1);
      words[children + index + 1] = child;
    }
    words[node] = count + 1;
  }

  /** Takes out the key at `index`, and for an inner node the child behind it. */
  takeOut(node: number, index: number): void {
    const { words } = this;
    const count = words[node] as number;
    const keys = this.keys(node);
    this.close(node + L.SLICES + index, node + L.SLICES + count);
    this.close(keys + index, keys + count);
    if (!this.isLeaf(node)) {
      const children = node + L.CHILDREN;
      this.close(children + index + 1, children + count + 1);
    }
    words[node] = count - 1;
  }

  /** Looks at all keys anew: how they begin, and what comes behind that. */
  settle(node: number): void {
    const { words, records } = this;
    const count = words[node] as number;
    if (count === 0) return;
    const keys = this.keys(node);
    const first = words[keys] as number;
    const last = words[keys + count - 1] as number;
    const common = count === 1 ? records.keyLength(first) : records.commonBytes(first, last);
    this.setPrefix(node, first, Math.min(common, L.PREFIX_BYTES_MAX));
    this.reslice(node);
  }

  /** Sees to it that `key` begins with the prefix of the node, which may become shorter. */
  private admit(node: number, key: number): void {
    const { words, records } = this;
    const count = words[node] as number;
    if (count === 0) {
      this.setPrefix(node, key, Math.min(records.keyLength(key), L.PREFIX_BYTES_MAX));
      return;
    }
    if (this.besidePrefix(node, key) === 0) return;
    const some = words[this.keys(node)] as number;
    words[node + L.PREFIX_LENGTH] = records.commonBytes(some, key);
    this.reslice(node);
  }

  private setPrefix(node: number, key: number, length: number): void {
    this.words[node + L.PREFIX_LENGTH] = length;
    const start = this.records.keyStart(key);
    this.records.bytes.copyWithin((node + L.PREFIX) * 4, start, start + length);
  }

  private reslice(node: number): void {
    const { words, records } = this;
    const prefix = words[node + L.PREFIX_LENGTH] as number;
    const count = words[node] as number;
    const keys = this.keys(node);
    for (let index = 0; index < count; index++) {
      words[node + L.SLICES + index] = records.slice(words[keys + index] as number, prefix);
    }
  }

  /** Moves the words from `at` to `end` one further. */
  private open(at: number, end: number): void {
    const { words } = this;
    if (end - at > FEW) words.copyWithin(at + 1, at, end);
    else for (let to = end; to > at; to--) words[to] = words[to - 1] as number;
  }

  /** Moves the words behind `at` one back. */
  private close(at: number, end: number): void {
    const { words } = this;
    if (end - at > FEW) words.copyWithin(at, at + 1, end);
    else for (let to = at; to < end - 1; to++) words[to] = words[to + 1] as number;
  }
}
