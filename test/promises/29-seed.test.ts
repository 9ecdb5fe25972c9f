/** Promise 29: a run can be played again by its seed, here of random programs on rings. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { program } from '../fixtures/fuzz/program.js';
import { needs } from '../support/needs.js';
import { outputOf } from '../support/process.js';

const drawn = (seed: number) => fc.sample(program, { seed, numRuns: 1 });

test('a seed draws one program, and another seed another', () => {
  expect(drawn(7)).toEqual(drawn(7));
  expect(drawn(7)).not.toEqual(drawn(8));
});

test('random programs leave nothing behind, and all that they start settles', async () => {
  needs('io_uring');
  const said = await outputOf('fuzz/main', ['--seed', '1', '--programs', '5']);
  expect(said).toMatch(/^5 programs, \d{3,4} operations/m);
});
