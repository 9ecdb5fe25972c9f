/** Promises 17 and 21: nothing of a mapping stays behind, whatever failed and whoever ended. */
import { test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

const run = (...words: string[]) => passes('promises/mappings', words);

test('100,000 mappings leave nothing behind', () => run('cycles'));
test('workers share a mapping, and end in any way and order', () => run('workers'));
test('each system call fails once: an error, and nothing left', () => {
  needs('syscall:mbind');
  return run('failures');
});
