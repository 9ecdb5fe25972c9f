/** Promise 17: nothing grows, here for some seconds; `npm run soak` is for an hour. */
import { test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

test('mixed traffic under faults leaves the process as it was', () => {
  needs('io_uring', 'memlock', 'proc', 'node', 'cpus');
  return passes('soak/main', ['--seconds', '4', '--round', '2']);
});
