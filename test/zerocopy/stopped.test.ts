/** A worker that is stopped while bytes are on their way leaves no descriptor, pipe or thread. */
import { test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { passes } from '../support/process.js';

onEachBackend((backend) => {
  test.each([
    ['files are sent', 'send'],
    ['connections are joined', 'proxy'],
    ['files are copied', 'copy'],
    ['calls between descriptors wait', 'wait'],
  ])('stopped while %s', (_, kind) => {
    // What goes by files has its backend from the environment.
    const env = backend === 'epoll' ? { NEARMETAL_DISABLE: 'io_uring' } : {};
    return passes('moves', ['stopped', kind, backend], { env });
  });
});
