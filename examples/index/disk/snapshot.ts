/** Reads all records of a store piece by piece, while it changes. */

import type { Store } from '../store.js';
import { scan } from '../tree/scan.js';
import { BLOCK_BYTES, BLOCK_HEAD_BYTES } from './checkpoint-format.js';

/** Words that are copied one by one: fewer cost less than a call. */
const FEW = 64;

/**
 * Each record is as it was when its block was filled. What changes behind the place that has been
 * reached is in the log, and comes again when that is read: a change says what becomes of a key,
 * whatever there was before.
 */
export class Snapshot {
  private readonly store: Store;
  /** The key to go on from. */
  private readonly stage: number;
  private begun = false;
  entries = 0;

  constructor(store: Store) {
    this.store = store;
    this.stage = store.records.takeStage();
  }

  /** Fills a block with the next entries; answers how many bytes of it are used, 0 at the end. */
  fill(block: Buffer): number {
    const { records, tree } = this.store;
    const { words, bytes } = records;
    const target = new Int32Array(block.buffer, block.byteOffset, BLOCK_BYTES / 4);
    let at = BLOCK_HEAD_BYTES / 4;
    let last = 0;
    scan(tree, this.begun ? this.stage : 0, 0, (place) => {
      const size = (4 + records.keyLength(place) + records.valueLength(place) + 3) >>> 2;
      if (at + size > target.length) return false;
      const start = place << 1;
      if (size > FEW) bytes.copy(block, at * 4, start * 4, (start + size) * 4);
      else
        for (let word = 0; word < size; word++) target[at + word] = words[start + word] as number;
      at += size;
      last = place;
      this.entries++;
      return undefined;
    });
    if (last === 0) return 0;
    this.begun = true;
    records.stageAfter(this.stage, last);
    return at * 4;
  }

  end(): void {
    this.store.records.giveStage(this.stage);
  }
}
