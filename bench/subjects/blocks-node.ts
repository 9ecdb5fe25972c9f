/** Random 4 KiB reads or writes with fs.promises: FILE DEPTH cached|direct read|write. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BLOCK, BlockOrder, LOOKED_AT } from '../_lib/blocks.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const [path = '', depthText, mode, verb] = process.argv.slice(2);
const writing = verb === 'write';
const access = writing ? constants.O_RDWR : constants.O_RDONLY;
const depth = Number(depthText);
const direct = mode === 'direct';
const file = await open(path, access | (direct ? constants.O_DIRECT : 0));
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

async function read(block: number, offset: number): Promise<void> {
  const { bytesRead } = await file.read(memory, offset, BLOCK, block * BLOCK);
  if (bytesRead !== BLOCK || memory.readUInt32LE(offset) !== block) {
    throw new Error(`block ${block} was read wrong`);
  }
}

async function write(block: number, offset: number): Promise<void> {
  memory.writeUInt32LE(block, offset);
  const { bytesWritten } = await file.write(memory, offset, BLOCK, block * BLOCK);
  if (bytesWritten !== BLOCK) throw new Error(`block ${block} was written in part`);
}

/** One of `depth` loops that each have one block in flight; answers how many it did. */
async function loop(slot: number, end: number): Promise<number> {
  const offset = start + slot * BLOCK;
  let operations = 0;
  do {
    const block = order.next();
    await (writing ? write(block, offset) : read(block, offset));
    operations++;
  } while (performance.now() < end);
  return operations;
}

await serveRequests(async ([seconds]) => {
  const end = deadline(seconds);
  const loops = Array.from({ length: depth }, (_, slot) => loop(slot, end));
  const counts = await Promise.all(loops);
  // What was written is read back in a few places.
  for (let count = 0; writing && count < LOOKED_AT; count++) await read(order.next(), start);
  return counts.reduce((sum, count) => sum + count, 0);
});
await file.close();
