/** Nothing is left of any kind: not by ends of threads, not in children, not by calls that fail. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

describe.concurrent('with every kind of descriptor open', () => {
  test('workers end by terminate, process.exit, throw or by themselves', () =>
    passes('fd/lives', ['workers']));
  test('all are closed while somebody waits for each', () => passes('fd/lives', ['closed']));
  test('a child inherits nothing', () => passes('fd/lives', ['children']));
  test('what is not referenced keeps no process', () => passes('fd/lives', ['unref']));
});

test('each call that fails is a typed error that leaves nothing', () =>
  passes('fd/lives', ['failures']));

test('out of descriptors, and in again', () =>
  passes('fd/lives', ['exhausted'], { under: ['prlimit', '--nofile=512:512'] }));
