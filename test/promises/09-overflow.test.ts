/** Promise 9: an overflow of the completion queue loses nothing and never spins. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

const run = (...words: string[]) => passes('promises/overflow', words);

describe.concurrent.each(['uv', 'thread'])('woken by %s', (loop) => {
  test.each(['deferred', 'plain'])('a kernel queue of 8 and 10,000 completions, %s', (way) =>
    run('blocked', loop, way, 'kernel'),
  );
  test('a queue that the seam keeps at 8', () => run('blocked', loop, 'deferred', 'limited'));
  test('a flood of multishot receives', () => run('flood', loop));
  test('an idle ring asks the kernel for nothing', () => run('idle', loop));
});
