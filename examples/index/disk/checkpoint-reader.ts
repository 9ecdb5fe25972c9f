/** Reads a checkpoint, every part of which has to be as it was written. */

import { directPool, type File } from 'nearmetal/fs';
import type { BufferPool } from 'nearmetal/memory';
import { IndexCorruptError } from '../errors.js';
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../memory/records.js';
import type { Store } from '../store.js';
import {
  BLOCK_BYTES,
  BLOCK_HEAD_BYTES,
  type CheckpointHead,
  checkBlock,
  decodeHead,
  HEAD_BYTES,
} from './checkpoint-format.js';
import { openDirect } from './direct-file.js';

/** Fills an empty store; undefined when there is no checkpoint. */
export async function readCheckpoint(
  path: string,
  store: Store,
): Promise<CheckpointHead | undefined> {
  let opened: File;
  try {
    opened = await openDirect(path, {});
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
  using file = opened;
  using pool = directPool(file, { size: BLOCK_BYTES, count: 2 });
  const head = await readHead(file, pool);
  if (typeof head === 'string') throw damaged(path, head);
  const wrong = await readBlocks(file, pool, head, store);
  if (wrong !== undefined) throw damaged(path, wrong);
  if (store.count !== head.entries) {
    throw damaged(path, `it has ${store.count} entries of ${head.entries}`);
  }
  return head;
}

async function readHead(file: File, pool: BufferPool): Promise<CheckpointHead | string> {
  using lease = pool.take();
  const bytes = lease.buffer.subarray(0, HEAD_BYTES);
  return decodeHead(bytes.subarray(0, await file.read(bytes, { offset: 0 })));
}

/** Answers what is wrong. */
async function readBlocks(
  file: File,
  pool: BufferPool,
  head: CheckpointHead,
  store: Store,
): Promise<string | undefined> {
  const leases = [pool.take(), pool.take()] as const;
  const read = (number: number): Promise<number> => {
    if (number === head.blocks) return Promise.resolve(0);
    const reading = readFully(
      file,
      leases[number % 2 === 0 ? 0 : 1].buffer,
      HEAD_BYTES + number * BLOCK_BYTES,
    );
    reading.catch(() => undefined);
    return reading;
  };
  const builder = store.build();
  let reading = read(0);
  for (let number = 0; number < head.blocks; number++) {
    const length = await reading;
    reading = read(number + 1);
    const block = leases[number % 2 === 0 ? 0 : 1].buffer;
    const used = checkBlock(block, length, number);
    const wrong = typeof used === 'string' ? used : addEntries(block, used, builder);
    if (wrong !== undefined) {
      await reading.catch(() => undefined);
      return wrong;
    }
  }
  builder.end();
  return undefined;
}

/** Answers what is wrong. */
function addEntries(
  block: Buffer,
  used: number,
  builder: ReturnType<Store['build']>,
): string | undefined {
  for (let at = BLOCK_HEAD_BYTES; at < used; ) {
    const lengths = block.readUInt32LE(at);
    const key = at + 4;
    const value = key + (lengths & 0x7ff);
    const end = value + (lengths >>> 11);
    const wrong = value === key || value - key > KEY_BYTES_MAX || end - value > VALUE_BYTES_MAX;
    if (wrong || end > used) return `an entry at byte ${at} of a block has impossible lengths`;
    if (!builder.add(block.subarray(key, value), block.subarray(value, end))) {
      return 'its keys are not in order';
    }
    at = (end + 3) & ~3;
  }
  return undefined;
}

/** Reads until the buffer is full or the file ends: a read may give less than there is. */
async function readFully(file: File, into: Buffer, offset: number): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const count = await file.read(into.subarray(length), { offset: offset + length });
    length += count;
    // What is not a multiple of the block size is the end.
    if (count === 0 || count % 512 !== 0) break;
  }
  return length;
}

function damaged(path: string, why: string): IndexCorruptError {
  return new IndexCorruptError(`the checkpoint '${path}' is damaged: ${why}`);
}
