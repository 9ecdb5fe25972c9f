/**
 * What threads do at the same time must be what one thread could have done, one call after the
 * other, each between its beginning and its end. NEARMETAL_ROUNDS says how many programs are tried;
 * each is played several times.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge, type Program, players, programs, type Subject } from '../support/histories.js';
import { type Call, isLinearizable, type Model } from '../support/linearize.js';
import { deque, mpmc, spsc } from '../support/models-queues.js';
import { channels, subjects } from '../support/subjects.js';

const PROGRAMS = Number(process.env.NEARMETAL_ROUNDS ?? 20);
const TIMES = 10;

const { play } = players(3);

function together(subject: Subject, playing: (program: Program) => Promise<void>): Promise<void> {
  const property = fc.asyncProperty(programs(subject), playing);
  return fc.assert(property, { numRuns: PROGRAMS });
}

test.each(Object.entries(subjects))(
  '%s: threads at the same time',
  (_, subject) =>
    together(subject, async (program) => {
      for (const calls of await play(subject, program, TIMES)) judge(subject, calls);
    }),
  120_000 + PROGRAMS * 2000,
);

test(
  'a channel: both ends at the same time',
  () =>
    together(channels, async (program) => {
      const ends = program.map((calls) => [...calls, 'over', 'rest']);
      for (const calls of await play(channels, ends, 3)) judge(channels, calls);
    }),
  120_000 + PROGRAMS * 2000,
);

const call = (
  thread: number,
  at: [number, number],
  what: string,
  put: number,
  got: unknown,
): Call => ({
  thread,
  begin: at[0],
  end: at[1],
  what,
  put,
  got,
});

test.each<[boolean, string, Model, Call[]]>([
  [
    true,
    'at the same time',
    mpmc(2),
    [call(0, [0, 3], 'push', 1, true), call(1, [1, 2], 'pop', 2, 1)],
  ],
  [false, 'nothing', mpmc(2), [call(0, [0, 1], 'push', 1, true), call(1, [2, 3], 'pop', 2, null)]],
  [
    false,
    'the second first',
    mpmc(2),
    [
      call(0, [0, 1], 'push', 1, true),
      call(0, [2, 3], 'push', 2, true),
      call(1, [4, 5], 'pop', 3, 2),
    ],
  ],
  [
    false,
    'twice',
    mpmc(2),
    [call(0, [0, 1], 'push', 1, true), call(1, [2, 5], 'pop', 2, 1), call(2, [3, 4], 'pop', 3, 1)],
  ],
  [
    false,
    'no room',
    mpmc(2),
    [call(0, [0, 1], 'push', 1, true), call(0, [2, 3], 'push', 2, false)],
  ],
  [
    false,
    'the oldest by its owner',
    deque(2),
    [
      call(0, [0, 1], 'push', 1, true),
      call(0, [2, 3], 'push', 2, true),
      call(0, [4, 5], 'pop', 3, 1),
    ],
  ],
])('the judge says %s: %s', (fine, _, model, calls) => {
  expect(isLinearizable(calls, model)).toBe(fine);
});

test('a history of one thread is refused when any one answer is another', () => {
  const run = fc.array(fc.constantFrom('push', 'pop', 'length'), { minLength: 1, maxLength: 20 });
  const check = (names: string[], which: number) => {
    const list: number[] = [];
    const answers: Record<string, (put: number) => unknown> = {
      push: (put) => list.length < 3 && list.push(put) > 0,
      pop: () => list.shift() ?? null,
      length: () => list.length,
    };
    const calls = names.map((what, index) =>
      call(0, [2 * index, 2 * index + 1], what, index, answers[what]?.(index)),
    );
    expect(isLinearizable(calls, spsc(3))).toBe(true);
    const wrong = calls.map((each, index) => {
      if (index !== which % calls.length) return each;
      return { ...each, got: typeof each.got === 'boolean' ? !each.got : 99 };
    });
    expect(isLinearizable(wrong, spsc(3))).toBe(false);
  };
  fc.assert(fc.property(run, fc.nat(), check));
});
