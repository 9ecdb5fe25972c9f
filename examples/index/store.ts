/** Everything that is in memory: records, found by a hash of their key or in the order of keys. */
import { Buckets } from './hash/buckets.js';
import { Blocks } from './memory/blocks.js';
import { type PageSize, Pages } from './memory/pages.js';
import { type Bytes, Records } from './memory/records.js';
import { Builder } from './tree/builder.js';
import { Nodes } from './tree/nodes.js';
import { Tree } from './tree/tree.js';

export class Store {
  readonly pages: Pages;
  readonly blocks: Blocks;
  readonly records: Records;
  readonly buckets: Buckets;
  readonly tree: Tree;
  /** Where the key of the last call is. */
  key: number;

  constructor(memory: number, pageSize: PageSize) {
    this.pages = new Pages(memory, pageSize);
    this.blocks = new Blocks(this.pages);
    this.records = new Records(this.pages, this.blocks);
    this.buckets = new Buckets(this.pages, this.blocks, this.records);
    this.tree = new Tree(new Nodes(this.blocks, this.records));
    this.key = this.records.takeStage();
  }

  get count(): number {
    return this.buckets.count;
  }

  /** The place of the record with `key`; 0 when there is none. */
  find(key: Bytes): number {
    const { records } = this;
    records.stage(this.key, key);
    return this.buckets.find(records.hash(this.key), this.key);
  }

  put(key: Bytes, value: Uint8Array): void {
    const { records, buckets, tree } = this;
    records.stage(this.key, key);
    const hash = records.hash(this.key);
    const place = buckets.find(hash, this.key);
    if (place !== 0 && records.fits(place, value.length)) {
      records.overwrite(place, value);
      return;
    }
    this.pages.require();
    const made = records.create(this.key, value);
    if (place === 0) {
      buckets.insert(hash, made);
      tree.insert(made);
    } else {
      buckets.replace(hash, place, made);
      tree.replace(place, made);
      records.remove(place);
    }
  }

  /** Whether there was one. */
  delete(key: Bytes): boolean {
    const { records, buckets, tree } = this;
    records.stage(this.key, key);
    const hash = records.hash(this.key);
    const place = buckets.find(hash, this.key);
    if (place === 0) return false;
    tree.remove(place);
    buckets.remove(hash, place);
    records.remove(place);
    return true;
  }

  /** For an empty store: what takes records in the order of their keys. */
  build(): StoreBuilder {
    return new StoreBuilder(this);
  }

  /** Forgets all. */
  clear(): void {
    this.pages.reset();
    this.blocks.reset();
    this.records.reset();
    this.buckets.reset();
    this.tree.reset();
    this.key = this.records.takeStage();
  }

  close(): void {
    this.pages.mapping.dispose();
  }
}

export class StoreBuilder {
  private readonly store: Store;
  private readonly builder: Builder;
  private readonly key: number;

  constructor(store: Store) {
    this.store = store;
    this.builder = new Builder(store.tree);
    this.key = store.records.takeStage();
  }

  /** False when `key` does not come behind the one before: then it has not been added. */
  add(key: Bytes, value: Uint8Array): boolean {
    const { records, buckets, pages } = this.store;
    records.stage(this.key, key);
    if (!this.builder.follows(this.key)) return false;
    pages.require();
    const place = records.create(this.key, value);
    buckets.insert(records.hash(this.key), place);
    this.builder.add(place);
    return true;
  }

  end(): void {
    this.builder.end();
    this.store.records.giveStage(this.key);
  }
}
