/** Queues of many: against a model, between threads, in every order, and with dead participants. */
import fc from 'fast-check';
import { MpmcQueue, type SharedMemory } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { expectRefusal, RANGE, VALUE } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

let made = 0;
function opened(memory: SharedMemory, capacity: number, handles = 2) {
  const name = `queue ${made++}`;
  MpmcQueue.create(memory, name, { capacity });
  const open = () => MpmcQueue.open(attached(memory), name);
  return { name, handles: Array.from({ length: handles }, open) };
}

const TAIL = 32;
const HEAD = 64;
const INTENTS = 160;
const CELLS = 160 + 256 * 16;

/** Lets the positions of an empty queue begin at `start`. */
function begin(words: Int32Array, capacity: number, start: number): void {
  words[TAIL] = start;
  words[HEAD] = start;
  for (let index = 0; index < capacity; index++) {
    const position = (start + index) | 0;
    words[CELLS + (position & (capacity - 1)) * 4] = position;
  }
}

test('any run of calls by several participants agrees with a list', () => {
  const memory = sharedMemory({ size: 2 ** 20 });
  const queues = [2, 4, 16].map((capacity) => ({ capacity, ...opened(memory, capacity, 3) }));
  const calls = fc.array(fc.tuple(fc.boolean(), fc.nat(2)), { maxLength: 100 });
  const check = (start: number, index: number, run: [boolean, number][]) => {
    const { capacity, handles, name } = queues[index] as (typeof queues)[0];
    while (handles[0]?.pop() !== undefined);
    begin(wordsOf(memory, name, 'MPMC'), capacity, start);
    const list: number[] = [];
    for (const [step, [push, which]] of run.entries()) {
      const handle = handles[which] as (typeof handles)[0];
      if (push) {
        const done = handle.push(step);
        expect(done).toBe(list.length < capacity);
        if (done) list.push(step);
      } else {
        expect(handle.pop()).toBe(list.shift());
      }
      expect(handle.length).toBe(list.length);
    }
  };
  const starts = fc.constantFrom(0, 2 ** 31 - 8, -16, -(2 ** 31));
  fc.assert(fc.property(starts, fc.nat(2), calls, check), { numRuns: 300 });
});

test('records of each kind', () => {
  const memory = sharedMemory();
  MpmcQueue.create(memory, 'int32', { capacity: 4, record: 'int32' });
  MpmcQueue.create(memory, 'uint64', { capacity: 4, record: 'uint64' });
  const small = MpmcQueue.open<'int32'>(memory, 'int32');
  const large = MpmcQueue.open<'uint64'>(memory, 'uint64');
  for (const value of [-1, 5, 2 ** 31 - 1]) small.push(value);
  large.push(2n ** 63n);
  expect([small.pop(), small.pop(), small.pop(), small.pop()]).toEqual([
    -1,
    5,
    2 ** 31 - 1,
    undefined,
  ]);
  expect([large.pop(), large.record, small.record]).toEqual([2n ** 63n, 'uint64', 'int32']);
});

const RECORDS = Number(process.env.NEARMETAL_STRESS ?? 60_000);

test(
  'nothing is lost or doubled between threads, and each producer’s records keep their order',
  async () => {
    const memory = sharedMemory();
    MpmcQueue.create(memory, 'queue', { capacity: 64 });
    const each = Math.min(2 ** 24 - 1, Math.ceil(RECORDS / 3));
    const takers = [worker(memory, 'take', 'queue'), worker(memory, 'take', 'queue')];
    const pourers = [1, 2, 3].map((id) =>
      worker(memory, 'pour', 'queue', String(id), String(each)),
    );
    for (const pourer of pourers) expect(await pourer.ended).toBe('');
    MpmcQueue.open(memory, 'queue').end();
    const said = await Promise.all(takers.map((taker) => taker.said()));
    const results = said.map((text) => JSON.parse(text) as Record<string, number>);
    const total = (key: string) => results.reduce((sum, result) => sum + (result[key] ?? 0), 0);
    expect(total('many')).toBe(3 * each);
    expect(total('sum')).toBe((3 * each * (each - 1)) / 2);
    expect(total('wrong')).toBe(0);
    for (const taker of takers) expect(await taker.ended).toBe('');
  },
  120_000 + RECORDS / 100,
);

test('waits end in time, and when the queue is ended', async () => {
  const memory = sharedMemory();
  const { name, handles } = opened(memory, 2);
  const [one, two] = handles as [(typeof handles)[0], (typeof handles)[0]];
  expect(() => one.popBlocking({ timeoutMs: 1, spin: 0 })).toThrow(/ETIMEDOUT/);
  await expect(one.popAsync({ timeoutMs: 1 })).rejects.toThrow(/ETIMEDOUT/);
  const first = one.popAsync();
  await two.pushAsync(1);
  expect(await first).toBe(1);
  two.push(2);
  two.pushBlocking(3);
  expect(() => two.pushBlocking(4, { timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  const stuck = two.pushAsync(4);
  expect(one.pop()).toBe(2);
  await stuck;
  two.end();
  expectShared(() => one.push(5), 'CLOSED');
  expect(one.ended).toBe(false);
  const rest: number[] = [];
  for await (const value of one) rest.push(value);
  expect(rest).toEqual([3, 4]);
  expect([one.ended, one.popBlocking(), one.pop()]).toEqual([true, undefined, undefined]);
  expectShared(() => MpmcQueue.open(memory, 'none'), 'NOT_FOUND');
  const third = MpmcQueue.open(memory, name);
  expectShared(() => MpmcQueue.open(memory, name), 'TAKEN');
  third.close();
  third.close();
  expectShared(() => third.pop(), 'CLOSED');
  MpmcQueue.open(memory, name).close();
});

/** What a participant that dies between claim and end leaves behind. */
test('a record claimed by one who died becomes a hole, one being taken is gone', async () => {
  const memory = sharedMemory();
  const { name, handles } = opened(memory, 4, 1);
  const [queue] = handles as [(typeof handles)[0]];
  const words = wordsOf(memory, name, 'MPMC');
  const peer = nodeProcess(memory, 'pour', name, '1', '0');
  expect(await peer.ended).toBe('');
  // One that never left: a name of a slot that has been taken again since.
  const dead = (5 << 8) | 77;
  const intent = INTENTS + 77 * 16;
  words[intent] = dead;
  // It claimed position 0 to put in, and 1 was filled by another.
  words[intent + 1] = 0;
  words[TAIL] = 1;
  expect(queue.push(11)).toBe(true);
  expect(queue.pop()).toBeUndefined();
  expect(queue.popBlocking({ timeoutMs: 5000 })).toBe(11);
  // It claimed position 2 to take out.
  expect([queue.push(12), queue.push(13), queue.push(14), queue.push(15)]).toEqual(
    Array(4).fill(true),
  );
  words[intent + 2] = 2;
  words[HEAD] = 3;
  expect([queue.pop(), queue.pop(), queue.pop()]).toEqual([13, 14, 15]);
  // Its cell is the next one to be filled.
  expect(queue.push(16)).toBe(false);
  queue.pushBlocking(16, { timeoutMs: 5000 });
  for (const value of [17, 18, 19]) expect(queue.push(value)).toBe(true);
  expect([1, 2, 3, 4, 5].map(() => queue.pop())).toEqual([16, 17, 18, 19, undefined]);
});

test('who polls without waiting repairs too, and whoever takes the slot does', () => {
  const memory = sharedMemory();
  const { name, handles } = opened(memory, 4, 1);
  const [queue] = handles as [(typeof handles)[0]];
  const words = wordsOf(memory, name, 'MPMC');
  words[INTENTS + 77 * 16] = (5 << 8) | 77;
  words[INTENTS + 77 * 16 + 1] = 0;
  words[TAIL] = 1;
  queue.push(1);
  let tries = 0;
  while (queue.pop() === undefined) tries++;
  expect(tries).toBeGreaterThan(100);
  // The next participant gets a slot whose last owner left position 2 claimed.
  const next = attached(memory);
  const slot = (next.participant & 0xff) + 1;
  words[INTENTS + slot * 16] = (9 << 8) | slot;
  words[INTENTS + slot * 16 + 1] = 2;
  words[TAIL] = 3;
  const late = MpmcQueue.open(attached(memory), name);
  queue.push(2);
  expect(late.pop()).toBe(2);
});

test('a claim of somebody alive is not touched', () => {
  const memory = sharedMemory();
  const { name, handles } = opened(memory, 4, 2);
  const [queue] = handles as [(typeof handles)[0]];
  const words = wordsOf(memory, name, 'MPMC');
  const other = attached(memory);
  words[INTENTS + (other.participant & 0xff) * 16] = other.participant;
  words[INTENTS + (other.participant & 0xff) * 16 + 1] = 0;
  words[TAIL] = 1;
  queue.push(1);
  expect(() => queue.popBlocking({ timeoutMs: 120 })).toThrow(/ETIMEDOUT/);
  // Now it is done.
  words[CELLS] = 1;
  expect([queue.pop(), queue.pop()]).toEqual([0, 1]);
});

test('wrong arguments, and headers that cannot be', () => {
  const memory = sharedMemory();
  expectRefusal(() => MpmcQueue.create(memory, 'q', { capacity: 1 }), RANGE, 'capacity');
  expectRefusal(() => MpmcQueue.create(memory, 'q', { capacity: 6 }), VALUE, 'power of two');
  expectRefusal(() => MpmcQueue.create(memory, 'q', { size: 6 } as never), VALUE, 'size');
  const { name } = opened(memory, 4, 1);
  const words = wordsOf(memory, name, 'MPMC');
  for (const [word, value] of [
    [0, 1],
    [1, 3],
    [1, 2 ** 20],
    [1, 1],
    [2, 0],
  ] as const) {
    const before = words[word] as number;
    words[word] = value;
    expectShared(() => MpmcQueue.open(memory, name), 'CORRUPT');
    words[word] = before;
  }
});
