/** The loop turns while files are copied, read from the disk and sent. */
import { test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

onEachBackend((backend) => {
  test('no turn keeps the thread for 20 ms', () => {
    // Others have turns of their own: an immediate of Bun's comes late, Deno refuses some files.
    needs('proc', 'node');
    const env = backend === 'epoll' ? { NEARMETAL_DISABLE: 'io_uring' } : {};
    return passes('busy', ['busy', backend], { env });
  });
});
