/** Random 4 KiB reads with fs.promises. Arguments: FILE DEPTH cached|direct. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BLOCK, BlockOrder } from '../_lib/blocks.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const [path = '', depthText, mode] = process.argv.slice(2);
const depth = Number(depthText);
const direct = mode === 'direct';
const file = await open(path, constants.O_RDONLY | (direct ? constants.O_DIRECT : 0));
const order = new BlockOrder((await file.stat()).size / BLOCK);
const memory = Buffer.allocUnsafeSlow((depth + 1) * BLOCK);
const start = direct ? await alignedOffset() : 0;

/** Node does not say where memory lies: ask the kernel which offset it takes for a direct read. */
async function alignedOffset(): Promise<number> {
  for (let offset = 0; offset < BLOCK; offset += 8) {
    try {
      await file.read(memory, offset, BLOCK, 0);
      return offset;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
  }
  throw new Error('no offset in this buffer is aligned for O_DIRECT');
}

/** One of `depth` readers that each have one read in flight; answers how many it did. */
async function reader(slot: number, end: number): Promise<number> {
  const offset = start + slot * BLOCK;
  let reads = 0;
  do {
    const block = order.next();
    const { bytesRead } = await file.read(memory, offset, BLOCK, block * BLOCK);
    if (bytesRead !== BLOCK || memory.readUInt32LE(offset) !== block) {
      throw new Error(`block ${block} was read wrong`);
    }
    reads++;
  } while (performance.now() < end);
  return reads;
}

await serveRequests(async ([seconds]) => {
  const end = deadline(seconds);
  const readers = Array.from({ length: depth }, (_, slot) => reader(slot, end));
  return (await Promise.all(readers)).reduce((sum, reads) => sum + reads, 0);
});
await file.close();
