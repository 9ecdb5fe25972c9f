/** Writes a checkpoint past the page cache, and gives it its name when it is whole and durable. */
import { directPool, type File, open, rename, unlink } from 'nearmetal/fs';
import type { Store } from '../store.js';
import {
  BLOCK_BYTES,
  type CheckpointHead,
  encodeHead,
  HEAD_BYTES,
  sealBlock,
} from './checkpoint-format.js';
import { openDirect } from './direct-file.js';
import { Snapshot } from './snapshot.js';

export interface Written extends CheckpointHead {
  readonly bytes: number;
}

/**
 * Replaces the checkpoint at `path`. The log's records up to `sequence` are in it, and perhaps some
 * of later ones: `durable` waits until these are in the log for good.
 */
export async function writeCheckpoint(
  folder: string,
  path: string,
  store: Store,
  sequence: number,
  durable: () => Promise<void>,
): Promise<Written> {
  const beside = `${path}.new`;
  const snapshot = new Snapshot(store);
  try {
    using file = await openDirect(beside, { access: 'write', create: true, truncate: true });
    const { blocks, bytes } = await writeBlocks(file, snapshot);
    await durable();
    const head = { blocks, sequence, entries: snapshot.entries };
    using pool = directPool(file, { size: HEAD_BYTES, count: 1 });
    using lease = pool.take();
    encodeHead(lease.buffer, head);
    await file.writeAll(lease.buffer, { offset: 0 });
    await file.sync();
    await rename(beside, path);
    using directory = await open(folder, { directory: true });
    await directory.sync();
    return { ...head, bytes };
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    throw error;
  } finally {
    snapshot.end();
  }
}

/** While one block is on its way the next one is filled. */
async function writeBlocks(
  file: File,
  snapshot: Snapshot,
): Promise<{ blocks: number; bytes: number }> {
  using pool = directPool(file, { size: BLOCK_BYTES, count: 2 });
  const leases = [pool.take(), pool.take()] as const;
  let blocks = 0;
  let offset = HEAD_BYTES;
  let writing: Promise<void> = Promise.resolve();
  let used = snapshot.fill(leases[0].buffer);
  while (used > 0) {
    const block = leases[blocks % 2 === 0 ? 0 : 1].buffer;
    await writing;
    const next = snapshot.fill(leases[blocks % 2 === 0 ? 1 : 0].buffer);
    const length = sealBlock(block, used, blocks, next > 0);
    writing = file.writeAll(block.subarray(0, length), { offset });
    writing.catch(() => undefined);
    offset += length;
    blocks++;
    used = next;
  }
  await writing;
  return { blocks, bytes: offset };
}
