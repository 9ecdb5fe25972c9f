/** Promises 6, 11, 20, 26: memory can be touched, is where it should be, and is freed at once. */
import { expect, test } from 'vitest';
import { alone, withHugepages } from '../support/hugepages.js';
import { needs } from '../support/needs.js';
import { passes, runFixture } from '../support/process.js';

const HUGE = 2 * 2 ** 20;
const run = (...words: string[]) => passes('promises/placement', words);

test('an empty pool is an error, with a fallback if asked for', async () => {
  needs('root', 'path:/proc/sys/vm/nr_hugepages');
  await alone(() => run('empty-pool'));
});

test('a node whose pool is empty is an error, with a fallback if asked for', async () => {
  needs('root', 'path:/proc/sys/vm/nr_hugepages');
  await alone(() => run('empty-node'));
});

test('memory of a node is there, with every page', (context) =>
  withHugepages(context, HUGE, 4, () => run('place')));
test('pages move to where they are asked to be', () => run('move'));
test('a file that shrinks is an error to read', () => run('shrink'));
test('10,000 times 4 MiB, mapped and disposed without a turn of the loop', () => run('free'));

test('only what is called unsafe can end the process', async () => {
  const { signal } = await runFixture('promises/placement', ['unsafe']);
  expect(signal).toBe('SIGBUS');
});
