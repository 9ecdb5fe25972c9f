/** `nearmetal/fs` keeps the same promises over io_uring and on helper threads. */
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { outputOf } from '../support/process.js';

test('files over io_uring', async () => {
  needs('io_uring', 'memlock', 'proc');
  expect(await outputOf('fs-contract', ['io_uring'])).toContain('streams');
});

test('files on helper threads', async () => {
  needs('proc', 'node:fs');
  const env = { NEARMETAL_DISABLE: 'io_uring' };
  expect(await outputOf('fs-contract', ['threads'], { env })).toContain('streams');
});
