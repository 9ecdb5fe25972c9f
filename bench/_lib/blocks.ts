/** A file of 4 KiB blocks that each begin with their own number, and the order they are read in. */
import { closeSync, constants, fsyncSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './scratch.js';

export const BLOCK = 4096;
/** So many blocks are read back after writing: as in `reference/blocks.c`. */
export const LOOKED_AT = 16;
const BLOCKS_PER_WRITE = 256;

export interface BlockFile {
  readonly path: string;
  /** Undefined: reads can go past the page cache. Otherwise why they cannot. */
  readonly directRefused: string | undefined;
  remove(): void;
}

/** `bytes` is a power of two, so that a block is drawn with a mask. Gone again when we are. */
export function createBlockFile(bytes: number): BlockFile {
  const path = join(scratch(), 'blocks');
  const remove = () => rmSync(path, { force: true });
  const chunk = Buffer.alloc(BLOCK * BLOCKS_PER_WRITE, 0xa5);
  const fd = openSync(path, 'w');
  try {
    for (let first = 0; first < bytes / BLOCK; first += BLOCKS_PER_WRITE) {
      for (let index = 0; index < BLOCKS_PER_WRITE; index++) {
        chunk.writeUInt32LE(first + index, index * BLOCK);
      }
      writeSync(fd, chunk);
    }
    // Dirty pages would be written back in the middle of somebody's turn.
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  readAll(path, chunk);
  return { path, directRefused: probeDirect(path), remove };
}

function readAll(path: string, target: Buffer): void {
  const fd = openSync(path, 'r');
  while (readSync(fd, target) > 0);
  closeSync(fd);
}

function probeDirect(path: string): string | undefined {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    return undefined;
  } catch (error) {
    return `O_DIRECT is refused here: ${(error as Error).message}`;
  }
}

/** xorshift32 from seed 1, as in `reference/blocks.c`: all subjects take the same blocks. */
export class BlockOrder {
  readonly #mask: number;
  #state = 1;

  constructor(blocks: number) {
    if (blocks < 1 || (blocks & (blocks - 1)) !== 0) throw new RangeError(`${blocks} blocks`);
    this.#mask = blocks - 1;
  }

  next(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state & this.#mask;
  }
}
