/** Direct I/O: what it must be aligned to, and memory that is. */
import { EINVAL } from '../abi.js';
import { systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { BufferPool, type BufferPoolOptions } from '../memory/buffer-pool.js';
import { Mapping } from '../memory/mapping.js';
import type { FileCalls } from './calls.js';
import type { File } from './file.js';

/** Bytes. What a file system does not tell is taken to be a page, which is enough for all known. */
export interface Alignment {
  /** Of the memory's address. */
  readonly memory: number;
  /** Of the offset in the file, and of the length. */
  readonly offset: number;
}

const PAGE = 4096;

export async function alignmentOf(fd: OwnedFd, calls: FileCalls): Promise<Alignment> {
  const { directMemoryAlignment, directOffsetAlignment } = await calls.statx(fd, false, undefined);
  return { memory: directMemoryAlignment || PAGE, offset: directOffsetAlignment || PAGE };
}

/**
 * Throws EINVAL where the kernel would answer it. The address of memory that is not the library's
 * does not matter: its bytes pass through a block that is aligned.
 */
export function requireAligned(
  name: string,
  view: ArrayBufferView,
  offset: number,
  alignment: Alignment,
): void {
  const wrong =
    offset > 0 && offset % alignment.offset !== 0
      ? 'offset'
      : view.byteLength % alignment.offset !== 0
        ? 'length'
        : Mapping.of(view) !== undefined && view.byteOffset % alignment.memory !== 0
          ? 'address'
          : undefined;
  if (wrong === undefined) return;
  throw systemError(-EINVAL, name === 'target' ? 'read' : 'write', {
    facts: {
      direct: true,
      wrong,
      memoryAlignment: alignment.memory,
      offsetAlignment: alignment.offset,
    },
  });
}

/**
 * Buffers that direct I/O on `file` takes: page-aligned, each a multiple of its blocks.
 *
 * @kernel 6.1 STATX_DIOALIGN; a page where it is not told
 * @man statx(2)
 */
export function directPool(file: File, options: BufferPoolOptions): BufferPool {
  const block = Math.max(file.alignment?.offset ?? PAGE, file.alignment?.memory ?? PAGE);
  return BufferPool.map({ ...options, size: Math.ceil(options.size / block) * block });
}
