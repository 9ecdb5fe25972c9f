/** A deque of tasks: against a model, and with thieves in other threads. */
import fc from 'fast-check';
import { WorkDeque } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { expectRefusal, VALUE } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

test('any run of calls agrees with a list', () => {
  const memory = sharedMemory({ size: 2 ** 20 });
  for (const capacity of [1, 4, 16]) WorkDeque.create(memory, `deque ${capacity}`, { capacity });
  const other = attached(memory);
  const calls = fc.array(fc.constantFrom('push', 'push', 'pop', 'steal', 'owner'), {
    maxLength: 100,
  });
  const check = (start: number, capacity: number, run: string[]) => {
    const name = `deque ${capacity}`;
    const words = wordsOf(memory, name, 'DEQU');
    words[32] = start;
    words[64] = start;
    let owner = WorkDeque.owner(memory, name);
    const thief = WorkDeque.thief(other, name);
    const list: number[] = [];
    for (const [step, what] of run.entries()) {
      if (what === 'push') {
        expect(owner.push(step)).toBe(list.length < capacity);
        if (list.length < capacity) list.push(step);
      } else if (what === 'pop') {
        expect(owner.pop()).toBe(list.pop());
      } else if (what === 'steal') {
        expect(thief.steal()).toBe(list.shift());
      } else {
        owner.close();
        owner = WorkDeque.owner(memory, name);
      }
      expect(owner.length).toBe(list.length);
    }
    owner.close();
  };
  const starts = fc.constantFrom(0, 2 ** 31 - 8, -9, -(2 ** 31));
  fc.assert(fc.property(starts, fc.constantFrom(1, 4, 16), calls, check), { numRuns: 300 });
});

const TASKS = Number(process.env.NEARMETAL_STRESS ?? 100_000);

test(
  'each task is taken once, by its owner or by a thief',
  async () => {
    const memory = sharedMemory();
    WorkDeque.create(memory, 'deque', { capacity: 64 });
    const owner = WorkDeque.owner(memory, 'deque');
    const thieves = [1, 2].map(() => worker(memory, 'steal', 'deque'));
    await Promise.all(thieves.map((thief) => thief.said()));
    let [next, many, sum] = [1, 0, 0];
    const take = (task: number | undefined) => {
      if (task === undefined) return;
      many++;
      sum += task;
    };
    while (next <= TASKS) {
      for (let count = next % 7; count >= 0 && next <= TASKS; count--) {
        if (owner.push(next)) next++;
      }
      for (let count = next % 5; count > 0; count--) take(owner.pop());
    }
    while (owner.length > 0) take(owner.pop());
    // One that no task can be says that it is over, to each.
    while (!owner.push(-1));
    while (!owner.push(-1));
    for (const thief of thieves) {
      const { many: theirs, sum: theirSum } = JSON.parse(await thief.said());
      many += theirs;
      sum += theirSum;
      expect(await thief.ended).toBe('');
    }
    expect([many, sum]).toEqual([TASKS, (TASKS * (TASKS + 1)) / 2]);
  },
  120_000 + TASKS / 100,
);

test('an owner that was killed is replaced', async () => {
  const memory = sharedMemory();
  WorkDeque.create(memory, 'deque', { capacity: 64 });
  const peer = nodeProcess(memory, 'own', 'deque');
  await peer.said();
  expectShared(() => WorkDeque.owner(memory, 'deque'), 'TAKEN');
  await peer.kill();
  const words = wordsOf(memory, 'deque', 'DEQU');
  const owner = WorkDeque.owner(memory, 'deque');
  const tasks: number[] = [];
  for (let task = owner.pop(); task !== undefined; task = owner.pop()) tasks.push(task);
  expect(tasks).toEqual([...tasks].sort((one, two) => two - one));
  owner.close();
  expectShared(() => owner.push(1), 'CLOSED');
  expectShared(() => owner.pop(), 'CLOSED');
  // It had lowered the bottom for a task that was stolen just then.
  words[64] = ((words[32] as number) - 1) | 0;
  const next = WorkDeque.owner(memory, 'deque');
  expect([next.length, next.push(5), next.pop()]).toEqual([0, true, 5]);
  expectRefusal(() => WorkDeque.create(memory, 'other', { capacity: 3 }), VALUE, 'power of two');
  words[1] = 3;
  expectShared(() => WorkDeque.thief(memory, 'deque'), 'CORRUPT');
});
