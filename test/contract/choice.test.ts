/** Which backend is chosen, and that the choice can be seen. */
import { describe, expect, test } from 'vitest';
import { EPERM } from '../../lib/abi.js';
import { needs } from '../support/needs.js';
import { evaluate, IO_URING_CALLS } from '../support/nouring.js';
import { passes } from '../support/process.js';
import { BACKENDS } from './support.js';

const WHICH = `import { openBackend } from 'nearmetal/loop';
const backend = openBackend();
let forced = 'works';
try { await openBackend({ backend: 'io_uring' }).close(); } catch (error) { forced = error.name; }
console.log(JSON.stringify({ name: backend.name, why: backend.why, forced }));
await backend.close();`;

test('io_uring where it works', () => {
  needs('op:SEND_ZC');
  expect(evaluate(WHICH)).toEqual({
    name: 'io_uring',
    why: 'io_uring works here',
    forced: 'works',
  });
});

test('epoll where io_uring is switched off', () => {
  expect(evaluate(WHICH, { env: { NEARMETAL_DISABLE: 'io_uring' } })).toEqual({
    name: 'epoll',
    why: expect.stringContaining('NEARMETAL_DISABLE'),
    forced: 'UnsupportedError',
  });
});

test('epoll where seccomp refuses io_uring, and why', () => {
  expect(evaluate(WHICH, { refuse: { calls: IO_URING_CALLS, errno: EPERM } })).toEqual({
    name: 'epoll',
    why: expect.stringContaining('seccomp blocks io_uring_setup'),
    forced: 'UnsupportedError',
  });
});

describe.each(BACKENDS)('%s', (name) => {
  test('a callback that throws is told once, and costs nobody else anything', () =>
    passes('backend', ['throws', name]));
  test('workers that end with everything open', () => passes('backend', ['workers', name]));
});
