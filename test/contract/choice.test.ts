/** Which backend is chosen, and that the choice can be seen. */
import { expect, test } from 'vitest';
import { EPERM } from '../../lib/abi.js';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { evaluate, IO_URING_CALLS } from '../support/nouring.js';
import { passes } from '../support/process.js';

const WHICH = `import { openBackend } from 'nearmetal/loop';
const backend = openBackend();
let forced = 'works';
try { await openBackend({ backend: 'io_uring' }).close(); } catch (error) { forced = error.name; }
console.log(JSON.stringify({ name: backend.name, why: backend.why, forced }));
await backend.close();`;

test('io_uring where it works', () => {
  needs('op:SEND_ZC', 'memlock', 'node:eval');
  expect(evaluate(WHICH)).toEqual({
    name: 'io_uring',
    why: 'io_uring works here',
    forced: 'works',
  });
});

test('epoll where io_uring is switched off', () => {
  needs('node:eval');
  expect(evaluate(WHICH, { env: { NEARMETAL_DISABLE: 'io_uring' } })).toEqual({
    name: 'epoll',
    why: expect.stringContaining('NEARMETAL_DISABLE'),
    forced: 'UnsupportedError',
  });
});

test('epoll where seccomp refuses io_uring, and why', () => {
  // Where it is switched off, that is the cause that is told.
  needs('io_uring', 'node:eval');
  expect(evaluate(WHICH, { refuse: { calls: IO_URING_CALLS, errno: EPERM } })).toEqual({
    name: 'epoll',
    why: expect.stringContaining('seccomp blocks io_uring_setup'),
    forced: 'UnsupportedError',
  });
});

test('epoll where the limit of memory leaves no ring, and why', () => {
  needs('root', 'io_uring', 'proc', 'node:eval');
  const { name, why, forced } = evaluate(WHICH, { memlock: 65_536, nobody: true }) as {
    [key in 'name' | 'why' | 'forced']: string;
  };
  // Before 6.13 or so rings do not count.
  if (name === 'epoll') expect(why).toContain('RLIMIT_MEMLOCK is 64 KiB');
  else expect(forced).toBe('works');
});

onEachBackend((name) => {
  test('a callback that throws is told once, and costs nobody else anything', () =>
    passes('backend', ['throws', name]));
  test('workers that end with everything open', () => {
    // A ring warms it up, whatever it is about.
    needs('memlock', 'proc', 'node');
    return passes('backend', ['workers', name]);
  });
});
