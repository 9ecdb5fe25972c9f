/** Whether the runtime's own calls on files can be used on descriptors of ours. */
import { UnsupportedError } from '../errors.js';

/**
 * Throws on Deno, whose node:fs knows only what it has opened and closed itself: a descriptor of
 * ours it refuses, and one that it gave us and that we close it takes for open.
 */
export function checkNodeThreads(): void {
  if (process.versions.deno === undefined) return;
  throw new UnsupportedError({
    feature: 'files on helper threads',
    reason: 'the node:fs of Deno knows no descriptors of others',
    hint: 'let the process use io_uring, or run it on Node or Bun',
  });
}
