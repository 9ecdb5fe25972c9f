/** Queues of records: against a model, between threads and processes, and when a side stops. */
import fc from 'fast-check';
import { type RecordKind, type SharedMemory, SpscQueue } from 'nearmetal/shared';
import { expect, onTestFinished, test } from 'vitest';
import { EAGAIN, EINTR, EINVAL, SYS_futex } from '../../lib/abi.js';
import { native, type Seam } from '../../lib/native.js';
import { expectRefusal, openRing, RANGE, VALUE } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

let made = 0;
function sides<Kind extends RecordKind = 'float64'>(
  memory: SharedMemory,
  options: { capacity: number; record?: Kind },
) {
  const name = `queue ${made++}`;
  SpscQueue.create(memory, name, options);
  const producer = SpscQueue.producer<Kind>(memory, name);
  const consumer = SpscQueue.consumer<Kind>(attached(memory), name);
  return { name, producer, consumer };
}

test('records of each kind come out as they went in', () => {
  const memory = sharedMemory();
  const numbers = {
    float64: [0.1, -1e300, Number.NaN, 2 ** 53],
    int32: [1, -1, 2 ** 31 - 1, -(2 ** 31)],
    uint32: [0, 2 ** 32 - 1],
  } as const;
  for (const record of ['float64', 'int32', 'uint32'] as const) {
    const { producer, consumer } = sides(memory, { capacity: 4, record });
    expect([producer.record, consumer.record, consumer.capacity]).toEqual([record, record, 4]);
    for (const value of numbers[record]) expect(producer.push(value)).toBe(true);
    expect(numbers[record].map(() => consumer.pop())).toEqual(numbers[record]);
    expect(consumer.pop()).toBeUndefined();
  }
  const { producer, consumer } = sides(memory, { capacity: 2, record: 'int64' });
  expect(producer.pushMany([-1n, 2n ** 62n, 3n])).toBe(2);
  const target = new BigInt64Array(3);
  expect([consumer.popMany(target), ...target]).toEqual([2, -1n, 2n ** 62n, 0n]);
  expect(() => producer.push(5 as never)).toThrow(TypeError);
});

/** What can be asked of both sides; the model is an array and how much of it is published. */
const commands = fc.array(
  fc.oneof(
    fc.record({ what: fc.constantFrom('push', 'stage', 'pop', 'publish', 'release' as const) }),
    fc.record({
      what: fc.constantFrom('pushMany', 'popMany', 'drain' as const),
      count: fc.nat(20),
    }),
  ),
  { maxLength: 120 },
);

test('any run of calls agrees with a list', () => {
  const memory = sharedMemory({ size: 2 ** 22 });
  const queues = [1, 2, 4, 16].map((capacity) => sides(memory, { capacity }));
  // Counts that pass 2^31 and 2^32 are as good as others.
  const check = (start: number, index: number, run: { what: string; count?: number }[]) => {
    const { name } = queues[index] as (typeof queues)[0];
    queues[index]?.producer.close();
    queues[index]?.consumer.close();
    setCounts(memory, name, start);
    const producer = SpscQueue.producer(memory, name);
    const consumer = SpscQueue.consumer(memory, name);
    const { capacity } = producer;
    const list: number[] = [];
    let [published, next, released] = [0, 0, 0];
    for (const { what, count = 0 } of run) {
      // Room comes back when the consumer says so: never later than the list has it.
      const full = list.length === capacity;
      if (what === 'push' || what === 'stage') {
        const done = what === 'push' ? producer.push(next) : producer.stage(next);
        if (full) expect(done).toBe(false);
        if (done) list.push(next++);
        if (!done || what === 'push') published = list.length;
      } else if (what === 'pushMany') {
        const values = Array.from({ length: count }, (_, at) => next + at);
        const done = producer.pushMany(values);
        expect(done).toBeLessThanOrEqual(capacity - list.length);
        for (let at = 0; at < done; at++) list.push(next++);
        if (done > 0 || done < count) published = list.length;
      } else if (what === 'publish') {
        producer.publish();
        published = list.length;
      } else if (what === 'release') {
        consumer.release();
        released = 0;
      } else {
        const target = new Float64Array(count);
        const got: number[] = [];
        if (what === 'pop') {
          const value = consumer.pop();
          if (value !== undefined) got.push(value);
        } else if (what === 'drain') {
          consumer.drain((value) => got.push(value), Math.min(count, capacity));
        } else {
          got.push(...target.subarray(0, consumer.popMany(target)));
        }
        const most = what === 'pop' ? 1 : what === 'drain' ? Math.min(count, capacity) : count;
        // What is there is seen at the latest by the next call.
        expect(got.length).toBeLessThanOrEqual(Math.min(most, published));
        if (most > 0 && published > 0) expect(got.length).toBeGreaterThan(0);
        expect(list.splice(0, got.length)).toEqual(got);
        published -= got.length;
        released += got.length;
      }
      expect(producer.length).toBeGreaterThanOrEqual(list.length);
      expect(producer.length).toBeLessThanOrEqual(Math.min(capacity, list.length + released));
    }
    producer.close();
    expect([...drained(consumer)]).toEqual(list);
    expect(consumer.ended).toBe(true);
    consumer.close();
  };
  fc.assert(
    fc.property(fc.constantFrom(0, 2 ** 31 - 7, -9, -(2 ** 31)), fc.nat(3), commands, check),
    { numRuns: 400 },
  );
});

function* drained(consumer: { pop(): number | undefined }) {
  for (let value = consumer.pop(); value !== undefined; value = consumer.pop()) yield value;
}

/** Lets the counts of a queue that nobody has begin at `start`. */
function setCounts(memory: SharedMemory, name: string, start: number): void {
  const words = wordsOf(memory, name, 'SPSC');
  words[32] = start;
  words[64] = start;
}

test.each([
  ['a worker', worker],
  ['a process', nodeProcess],
] as const)('%s gets every record, in order, however small the queue', async (_, start) => {
  const memory = sharedMemory();
  for (const capacity of [1, 64]) {
    const name = `to ${capacity}`;
    SpscQueue.create(memory, name, { capacity });
    const peer = start(memory, 'sum', name);
    const producer = SpscQueue.producer(memory, name);
    const many = capacity * 500;
    for (let value = 0; value < many; value++) await producer.pushAsync(value);
    producer.close();
    expect(await peer.said()).toBe(`${many} ${(many * (many - 1)) / 2}`);
    expect(await peer.ended).toBe('');
  }
});

test('for await ends when the producer in another thread closes', async () => {
  const memory = sharedMemory();
  SpscQueue.create(memory, 'from', { capacity: 32 });
  const peer = worker(memory, 'count', 'from', '5000');
  const consumer = SpscQueue.consumer(memory, 'from');
  let next = 0;
  for await (const value of consumer) expect(value).toBe(next++);
  expect(next).toBe(5000);
  expect(await peer.ended).toBe('');
});

test('waits end in time, by a signal, and through a ring of one’s own', async () => {
  const { producer, consumer } = sides(sharedMemory(), { capacity: 2 });
  expect(() => consumer.popBlocking({ timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  expect(() => consumer.popBlocking({ timeoutMs: 60, spin: 0 })).toThrow(/ETIMEDOUT/);
  expect(() => consumer.popBlocking({ timeoutMs: 1, spin: 1e9 })).toThrow(/ETIMEDOUT/);
  await expect(consumer.popAsync({ timeoutMs: 1 })).rejects.toThrow(/ETIMEDOUT/);
  await expect(consumer.popAsync({ signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
  const ending = new AbortController();
  const waiting = consumer.popAsync({ signal: ending.signal, ring: openRing() });
  setImmediate(() => ending.abort());
  await expect(waiting).rejects.toThrow(/aborted/);
  expect(producer.pushMany([1, 2, 3])).toBe(2);
  expect(() => producer.pushBlocking(3, { timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  await expect(producer.pushAsync(3, { timeoutMs: 1 })).rejects.toThrow(/ETIMEDOUT/);
  const pushed = producer.pushAsync(3);
  expect([consumer.pop(), consumer.pop()]).toEqual([1, 2]);
  await pushed;
  const popped = consumer.popAsync();
  expect(await popped).toBe(3);
  const later = consumer.popAsync();
  setImmediate(() => producer.push(4));
  expect(await later).toBe(4);
});

test('a side that closes is noticed by the other', async () => {
  const { name, producer, consumer } = sides(sharedMemory(), { capacity: 2 });
  const memory = sharedMemory();
  expectShared(() => SpscQueue.producer(memory, name), 'NOT_FOUND');
  producer.push(1);
  producer.close();
  producer.close();
  expectShared(() => producer.push(2), 'CLOSED');
  expect([consumer.ended, consumer.pop(), consumer.pop(), consumer.ended]).toEqual([
    false,
    1,
    undefined,
    true,
  ]);
  expect(consumer.popBlocking()).toBeUndefined();
  expect(await consumer.popAsync()).toBeUndefined();
  const other = sides(memory, { capacity: 1 });
  other.producer.push(1);
  const stuck = other.producer.pushAsync(2);
  setImmediate(() => other.consumer.close());
  await expect(stuck).rejects.toMatchObject({ code: 'ERR_NEARMETAL_CLOSED' });
  expect(other.producer.consumerAlive).toBe(false);
  expectShared(() => other.producer.pushBlocking(2), 'CLOSED');
  expectShared(() => other.consumer.pop(), 'CLOSED');
  expect(await other.consumer.popAsync()).toBeUndefined();
});

test('each side is one participant’s, until it closes or its memory does', () => {
  const memory = sharedMemory();
  const { name, producer } = sides(memory, { capacity: 4 });
  const other = attached(memory);
  expectShared(() => SpscQueue.producer(other, name), 'TAKEN');
  expectShared(() => SpscQueue.producer(memory, name), 'TAKEN');
  expectShared(() => SpscQueue.consumer(memory, name), 'TAKEN');
  producer.stage(1);
  producer.close();
  const next = SpscQueue.producer(other, name);
  expect(next.length).toBe(1);
  other.close();
  expectShared(() => next.push(2), 'CLOSED');
  expect(SpscQueue.producer(memory, name).length).toBe(1);
});

test('what cannot be in a queue is corrupt, and nothing outside is touched', () => {
  const memory = sharedMemory();
  const { name, producer, consumer } = sides(memory, { capacity: 4 });
  const words = wordsOf(memory, name, 'SPSC');
  words[32] = 100;
  expectShared(() => consumer.pop(), 'CORRUPT');
  expectShared(() => consumer.length, 'CORRUPT');
  words[64] = 200;
  expectShared(() => producer.push(1), 'CORRUPT');
  producer.close();
  for (const [word, value] of [
    [0, 1],
    [1, 3],
    [1, 2 ** 20],
    [2, 9],
  ] as const) {
    const before = words[word] as number;
    words[word] = value;
    expectShared(() => SpscQueue.producer(memory, name), 'CORRUPT');
    words[word] = before;
  }
});

test('wrong arguments are refused', async () => {
  const { producer, consumer } = sides(sharedMemory(), { capacity: 4 });
  expectRefusal(() => consumer.drain(() => {}, 5), RANGE, 'limit');
  expectRefusal(() => consumer.popMany(new Float64Array(2), 3), RANGE, 'start');
  expectRefusal(() => producer.pushMany([1], 2), RANGE, 'start');
  expectRefusal(() => consumer.popBlocking({ time: 1 } as never), VALUE, 'timeoutMs');
  expectRefusal(() => consumer.popBlocking({ spin: -1 }), RANGE, 'spin');
  await expect(consumer.popAsync({ time: 1 } as never)).rejects.toThrow(/timeoutMs/);
});

test.runIf(native.hasSeam)('a wait that was interrupted goes on; one that fails says so', () => {
  const seam = native.seam as Seam;
  seam.reset();
  onTestFinished(() => seam.reset());
  const { consumer } = sides(sharedMemory(), { capacity: 4 });
  const wait = () => consumer.popBlocking({ timeoutMs: 5, spin: 0 });
  seam.fail(SYS_futex, 1, 3, EINTR);
  expect(wait).toThrow(/ETIMEDOUT/);
  expect(seam.calls(SYS_futex)).toBeGreaterThan(3);
  seam.fail(SYS_futex, 1, 1, EAGAIN);
  expect(wait).toThrow(/ETIMEDOUT/);
  seam.fail(SYS_futex, 1, 1, EINVAL);
  expect(wait).toThrow(/EINVAL/);
});
