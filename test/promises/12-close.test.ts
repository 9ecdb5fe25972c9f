/** Promise 12: after close() resolves, nothing remains. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

const run = (...words: string[]) => passes('promises/close', words);
const KINDS = [
  'read-staged',
  'read-mapping',
  'read-async',
  'readv',
  'poll',
  'poll-multishot',
  'timeout',
  'accept',
  'accept-multishot',
  'recv-multishot',
];

describe.concurrent('close with 1,000 operations in flight', () => {
  test.each(KINDS)('of the kind %s', (kind) => run('many', kind, 'uv'));
  test.each(['read-staged', 'timeout'])('of the kind %s, woken by a thread', (kind) =>
    run('many', kind, 'thread'),
  );
  test('a thousand rings in a row', () => run('thousand'));
  test('from within handlers and streams', () => run('within'));
  test('twice, by await using, and use afterwards', () => run('afterwards'));
});
