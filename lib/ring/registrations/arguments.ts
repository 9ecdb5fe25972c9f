/** Registrations whose arguments point to more memory, which has to be native. */
import { native } from '../../native.js';
import type { Engine } from '../engine.js';
import type { Block } from '../staging.js';

/**
 * io_uring_register(2) with `byteCount` bytes of native memory, filled by `write`; answers the
 * result or `-errno`. The kernel is done with them when it answers.
 */
export function registerWith(
  engine: Engine,
  opcode: number,
  byteCount: number,
  count: number,
  write: (block: Block) => void,
): number {
  const block = engine.staging.take(byteCount);
  block.words.fill(0);
  write(block);
  const result = native.ioUringRegister(engine.fd, opcode, block.words, count);
  engine.staging.give(block);
  return result;
}

/** Puts the address of what stands `offset` bytes into `block` into words `at` and the next. */
export function putAddress(block: Block, at: number, offset: number): void {
  const low = (block.addressLow >>> 0) + offset;
  block.words[at] = low | 0;
  block.words[at + 1] = block.addressHigh + (low >= 2 ** 32 ? 1 : 0);
}
