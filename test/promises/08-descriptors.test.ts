/** Promise 8: no I/O reaches a file that it was not asked for. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

const run = (...words: string[]) => passes('promises/descriptors', words);

describe.concurrent('a descriptor is closed and its number used again', () => {
  test.each(['queued', 'refused', 'spilled', 'submitted'])('2,000 times, writes %s', (moment) =>
    run('reuse', moment),
  );
  test('while reads wait in the kernel', () => run('waiting'));
  test('while two rings use it', () => run('two-rings'));
  test('what is only borrowed is left open', () => run('borrowed'));
});
