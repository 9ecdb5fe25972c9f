/** Promises 7 and 29: every operation settles exactly once, and a seed replays what went wrong. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

const run = (...words: string[]) => passes('promises/settle', words);

describe.concurrent('every operation settles exactly once', () => {
  test('10,000 receives aborted at random', () => run('aborts'));
  test('20,000 races of signals, linked timeouts and results', () => run('races'));
  test.each([1, 31, 61, 91])('chaos from seed %i', (from) => run('chaos', `${from}`, '30', 'uv'));
  test('chaos, woken by a thread', () => run('chaos', '200', '18', 'thread'));
  test('chaos while rings close', () => run('chaos-close', '300', '30'));
});
