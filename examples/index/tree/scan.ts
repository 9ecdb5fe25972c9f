/** Walks over the leaves from one key to another. */
import * as L from './layout.js';
import type { Tree } from './tree.js';

/** Gets the place of a record; false ends the walk. */
export type Visit = (place: number) => boolean | undefined;

/** Calls `visit` with the records from `from` on that come before `to`; 0 is no bound. */
export function scan(tree: Tree, from: number, to: number, visit: Visit): void {
  const { nodes } = tree;
  const { words, records } = nodes;
  let leaf = from === 0 ? tree.firstLeaf : tree.leafOf(from);
  let index = from === 0 ? 0 : nodes.search(leaf, from);
  const { version } = tree;
  while (leaf !== 0) {
    const keys = leaf + L.LEAF_KEYS;
    let end = words[leaf] as number;
    let more = true;
    if (to !== 0 && end > 0 && records.compare(words[keys + end - 1] as number, to) >= 0) {
      end = nodes.search(leaf, to);
      more = false;
    }
    for (; index < end; index++) {
      if (visit(words[keys + index] as number) === false) return;
      if (tree.version !== version) {
        throw new Error('the index was changed by what it was visited with: collect first');
      }
    }
    if (!more) return;
    leaf = words[leaf + L.NEXT] as number;
    index = 0;
  }
}

/** As `scan`, from the last to the first. */
export function scanBack(tree: Tree, from: number, to: number, visit: Visit): void {
  const { nodes } = tree;
  const { words, records } = nodes;
  let leaf = to === 0 ? lastLeaf(tree) : tree.leafOf(to);
  let index = (to === 0 ? nodes.size(leaf) : nodes.search(leaf, to)) - 1;
  const { version } = tree;
  while (leaf !== 0) {
    const keys = leaf + L.LEAF_KEYS;
    let start = 0;
    let more = true;
    const count = words[leaf] as number;
    if (from !== 0 && count > 0 && records.compare(words[keys] as number, from) < 0) {
      start = nodes.search(leaf, from);
      more = false;
    }
    for (; index >= start; index--) {
      if (visit(words[keys + index] as number) === false) return;
      if (tree.version !== version) {
        throw new Error('the index was changed by what it was visited with: collect first');
      }
    }
    if (!more) return;
    leaf = words[leaf + L.BEFORE] as number;
    index = (words[leaf] as number) - 1;
  }
}

function lastLeaf(tree: Tree): number {
  const { nodes } = tree;
  let node = tree.root;
  while (!nodes.isLeaf(node)) node = nodes.child(node, nodes.size(node));
  return node;
}
