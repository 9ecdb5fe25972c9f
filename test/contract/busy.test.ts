/** The loop turns while files are copied, read from the disk and sent. */
import { test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

onEachBackend((backend) => {
  test('no turn keeps the thread for 20 ms', () => {
    needs('proc');
    const env = backend === 'epoll' ? { NEARMETAL_DISABLE: 'io_uring' } : {};
    return passes('busy', ['busy', backend], { env });
  });
});
