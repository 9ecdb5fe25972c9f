/**
 * What threads did at the same time, noted with a clock that all share, must be what one thread
 * could have done, one call after the other, each between its beginning and its end. Only that
 * there is nothing, or no room, may also be said because of a call that is under way.
 */
import { Barrier, MpmcQueue, SpscQueue } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { sharedMemory, worker } from '../support/shared.js';

interface Call {
  readonly begin: number;
  readonly end: number;
  /** What was put in, or undefined for a pop. */
  readonly put?: number;
  /** Whether it was put in, or what was taken out; null for nothing. */
  readonly got: number | boolean | null;
}

/** Looks for an order; calls that are over before another began come before it. */
function hasOrder(calls: readonly Call[], capacity: number): boolean {
  const failed = new Set<string>();
  const overlaps = (call: Call) =>
    calls.some((other) => other !== call && other.begin < call.end && other.end > call.begin);
  const search = (left: readonly Call[], list: readonly number[]): boolean => {
    if (left.length === 0) return true;
    const key = `${left.map(({ begin }) => begin)}|${list}`;
    if (failed.has(key)) return false;
    const firstEnd = Math.min(...left.map(({ end }) => end));
    for (const call of left) {
      if (call.begin > firstEnd) continue;
      let next: readonly number[] | undefined;
      if (call.put === undefined) {
        if (call.got === (list[0] ?? null)) next = list.slice(1);
        else if (call.got === null && overlaps(call)) next = list;
      } else if (call.got === list.length < capacity) {
        next = call.got ? [...list, call.put] : list;
      } else if (call.got === false && overlaps(call)) {
        next = list;
      }
      if (
        next &&
        search(
          left.filter((other) => other !== call),
          next,
        )
      )
        return true;
    }
    failed.add(key);
    return false;
  };
  return search(calls, []);
}

test('the judge knows what no order explains', () => {
  const put = (begin: number, end: number, value: number, got = true): Call => ({
    begin,
    end,
    put: value,
    got,
  });
  const pop = (begin: number, end: number, got: number | null): Call => ({ begin, end, got });
  expect(hasOrder([put(0, 3, 1), pop(1, 2, 1)], 2)).toBe(true);
  expect(hasOrder([put(0, 1, 1), pop(2, 3, null)], 2)).toBe(false);
  expect(hasOrder([put(0, 1, 1), put(2, 3, 2), pop(4, 5, 2)], 2)).toBe(false);
  expect(hasOrder([put(0, 1, 1), pop(2, 5, 1), pop(3, 4, 1)], 2)).toBe(false);
  expect(hasOrder([put(0, 1, 1), put(2, 3, 2, false)], 2)).toBe(false);
});

const ROUNDS = Number(process.env.NEARMETAL_ROUNDS ?? 300);

test('a queue of many is a list to all who look', async () => {
  const memory = sharedMemory();
  MpmcQueue.create(memory, 'queue', { capacity: 2 });
  SpscQueue.create(memory, 'clock', { capacity: 1 });
  Barrier.create(memory, 'rounds', 3);
  const peers = [1, 2, 3].map((id) => worker(memory, 'note', 'queue', String(id), String(ROUNDS)));
  const said = await Promise.all(peers.map((peer) => peer.said()));
  const rounds = said.map((text) => JSON.parse(text) as Call[][]);
  for (let round = 0; round < ROUNDS; round++) {
    const calls = rounds.flatMap((each) => each[round] as Call[]);
    expect(hasOrder(calls, 2), JSON.stringify(calls)).toBe(true);
  }
  for (const peer of peers) expect(await peer.ended).toBe('');
});
