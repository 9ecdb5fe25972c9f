/** Promise 18: a ring belongs to one thread, and misuse is an error. */
import { test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

needs('io_uring');

test('a ring or a handle sent to a worker is refused, there or at once', () =>
  passes('promises/workers', ['send']));
test('the addon is loaded in 8 workers at once', () => passes('promises/workers', ['eight']));
test('a closed ring refuses everything', () => passes('promises/workers', ['ended']));
