/** Promises 20 and 22: placement is what was said, and no argument can crash, here too. */
import { test } from 'vitest';
import { passes } from '../support/process.js';

test.each([1, 20, 22, 23])('hostile arguments, seed %i', (seed) =>
  passes('cpu-misuse', [String(seed)]),
);

test('hostile arguments, another seed each time', () => passes('cpu-misuse'));

test('placement, deadlines, counters: what can be tried outside of a guest', () =>
  passes('cpu-guest'));
