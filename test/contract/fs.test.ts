/** `nearmetal/fs` keeps the same promises over io_uring and on helper threads. */
import { features } from 'nearmetal/features';
import { expect, test } from 'vitest';
import { outputOf } from '../support/process.js';

test.skipIf(!features.ioUring.available)('files over io_uring', async () => {
  expect(await outputOf('fs-contract', ['io_uring'])).toContain('streams');
});

test('files on helper threads', async () => {
  const env = { NEARMETAL_DISABLE: 'io_uring' };
  expect(await outputOf('fs-contract', ['threads'], { env })).toContain('streams');
});
