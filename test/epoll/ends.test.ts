/** Epoll where a process or a worker ends, throws, or is signalled. */
import { describe, expect, test } from 'vitest';
import { outputOf, passes } from '../support/process.js';

describe.each(['uv', 'thread'])('woken by %s', (loop) => {
  test.each(['batched', 'one by one'])('a handler that throws, %s', (how) =>
    passes('epoll', ['throws', loop, how]),
  );
});

test('every handler of 200 throws', () => passes('epoll', ['allThrow']));
test('the handler has the async context of its registration', () => passes('epoll', ['context']));
test('signals during blocking waits', () => passes('epoll', ['signals']));
test('what keeps the process alive', async () => {
  expect(await outputOf('epoll', ['alive'])).toContain('left by itself');
});
test('workers that end while they wait, in every way', () => passes('epoll', ['workers']));
test('nothing is left of closed epolls', () => passes('epoll', ['leaks']));
