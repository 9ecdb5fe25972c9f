/** Promise 3: a throwing callback is an uncaught exception and costs no other completion. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

describe.concurrent.each(['uv', 'thread'])('handlers, woken by %s', (loop) => {
  const run = (name: string) => passes('promises/callbacks', [name, loop]);

  test('the first of three throws: told once, the others delivered', () => run('throwing'));
  test('a thousand that throw are a thousand exceptions', () => run('throwing-always'));
  test('the first of three rejects: told once, the others delivered', () => run('rejecting'));
  test('a tick behind the first throws: told once, all else runs', () => run('ticks'));
  test('each has the store of its registration, and an identity', () => run('context'));
  test('ticks and microtasks run between two, as with callbacks of fs', () => run('order'));
});
