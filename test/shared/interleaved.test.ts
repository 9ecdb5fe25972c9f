/**
 * The same histories, one step at a time: threads take turns at each atomic access and each wait in
 * an order that fast-check thinks of, so that what it finds can be played again and made shorter.
 * Whoever sleeps and is woken by nobody although it could go on is found too. NEARMETAL_ROUNDS says
 * how many orders are tried.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  judge,
  type Program,
  players,
  programs,
  type Subject,
  schedules,
} from '../support/histories.js';
import { mistakes, subjects } from '../support/subjects.js';

const ORDERS = Number(process.env.NEARMETAL_ROUNDS ?? 150);

const { play } = players(3);

function interleaved(subject: Subject, numRuns: number): Promise<void> {
  const check = async (program: Program, schedule: number[]) => {
    for (const calls of await play(subject, program, 1, schedule)) judge(subject, calls);
  };
  const property = fc.asyncProperty(programs(subject), schedules(subject), check);
  return fc.assert(property, { numRuns });
}

test.each(Object.entries(subjects))(
  '%s: in any order of steps',
  (_, subject) => interleaved(subject, ORDERS),
  120_000 + ORDERS * 2000,
);

test.each(Object.entries(mistakes))('%s: is found', async (_, subject) => {
  const found = await interleaved(subject, 3000).catch((error: Error) => String(error.cause));
  expect(found).toContain('no order explains this');
});
