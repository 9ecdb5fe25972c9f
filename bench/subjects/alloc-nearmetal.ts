/** Allocates and lets go, "SECONDS" per line. Arguments: which allocator, and bytes of a buffer. */
import { Arena, type BufferLease, BufferPool, Slab } from 'nearmetal/memory';
import { deadline, serveRequests } from '../_lib/requests.js';

/** As many are in use at a time: the oldest goes when a new one comes. */
const IN_USE = 32;
const ROUNDS_PER_LOOK = 64;

const [subject = '', bytes = ''] = process.argv.slice(2);
const size = Number(bytes);

/** One round allocates `IN_USE` buffers, and writes to each. */
const allocators: Record<string, () => () => void> = {
  'nearmetal Slab': () => {
    const slab = Slab.map({ blockSize: size, count: 2 * IN_USE });
    const used = Array.from({ length: IN_USE }, () => slab.alloc());
    return () => {
      for (let index = 0; index < IN_USE; index++) {
        const block = slab.alloc();
        block[0] = index;
        slab.free(used[index] as Uint8Array);
        used[index] = block;
      }
    };
  },
  'nearmetal BufferPool': () => {
    const pool = BufferPool.map({ size, count: 2 * IN_USE });
    const used = Array.from({ length: IN_USE }, () => pool.take());
    return () => {
      for (let index = 0; index < IN_USE; index++) {
        const lease = pool.take();
        lease.buffer[0] = index;
        (used[index] as BufferLease).release();
        used[index] = lease;
      }
    };
  },
  'nearmetal Arena': () => {
    const arena = Arena.map({ size: IN_USE * size });
    return () => {
      arena.reset();
      for (let index = 0; index < IN_USE; index++) arena.alloc(size)[0] = index;
    };
  },
  'Buffer.allocUnsafe': () => collected((length) => Buffer.allocUnsafe(length)),
  'Buffer.allocUnsafeSlow': () => collected((length) => Buffer.allocUnsafeSlow(length)),
};

function collected(allocate: (length: number) => Buffer): () => void {
  const used = Array.from({ length: IN_USE }, () => allocate(size));
  return () => {
    for (let index = 0; index < IN_USE; index++) {
      const buffer = allocate(size);
      buffer[0] = index;
      used[index] = buffer;
    }
  };
}

const round = allocators[subject]?.();
if (!round) throw new Error(`no such allocator; there are: ${Object.keys(allocators).join(', ')}`);

await serveRequests(([seconds]) => {
  const end = deadline(seconds);
  let buffers = 0;
  do {
    for (let rounds = 0; rounds < ROUNDS_PER_LOOK; rounds++) round();
    buffers += ROUNDS_PER_LOOK * IN_USE;
  } while (performance.now() < end);
  return buffers;
});
