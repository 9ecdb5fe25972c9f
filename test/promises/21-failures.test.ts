/** Promise 21: every failure is an error with a code, and no leak. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

const CALLS = [
  'io_uring_setup',
  'io_uring_enter-EAGAIN',
  'io_uring_enter-EIO',
  'io_uring_register',
  'mmap',
  'munmap',
  'madvise',
  'eventfd2',
  'close',
  'read',
  'socket',
  'bind',
  'listen',
  'setsockopt',
  'getsockname',
];

describe.concurrent('each call of a ring’s life fails once', () => {
  test.each(CALLS)('%s', (name) => passes('promises/failures', ['failing', name]));
});
