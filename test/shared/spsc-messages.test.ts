/** Queues of messages: against a model, between threads and processes, with C, and misused. */
import fc from 'fast-check';
import { type MessageProducer, SpscMessages } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { hasCompiler, reference } from '../../bench/_lib/reference.js';
import { expectRefusal, pattern, RANGE, TYPE, text } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  processOf,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

let made = 0;
function sides(capacity: number, memory = sharedMemory()) {
  const name = `messages ${made++}`;
  SpscMessages.create(memory, name, { capacity });
  const producer = SpscMessages.producer(memory, name);
  const consumer = SpscMessages.consumer(attached(memory), name);
  return { name, producer, consumer, words: wordsOf(memory, name, 'SPSM') };
}

test('bytes, views and text come out as bytes', () => {
  const { producer, consumer } = sides(1024);
  expect([producer.longest, consumer.longest]).toEqual([504, 504]);
  for (const message of [
    'text, ü and 🙂',
    Buffer.from('bytes'),
    new Uint8Array(0),
    '',
    new Float64Array([0.5]),
    new DataView(new ArrayBuffer(3), 1),
    pattern(504),
  ]) {
    expect(producer.push(message)).toBe(true);
    const expected =
      typeof message === 'string'
        ? Buffer.from(message)
        : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    expect(consumer.pop()?.equals(expected)).toBe(true);
  }
  expect(consumer.pop()).toBeUndefined();
});

test('a message is written in place, and read in place', () => {
  const { producer, consumer } = sides(64);
  expectRefusal(() => producer.claim(25), RANGE, 'length');
  expect(() => producer.commit()).toThrow(/claimed/);
  producer.claim(24);
  const room = producer.claim(20) as Uint8Array;
  room.set([1, 2, 3]);
  expect(consumer.pop()).toBeUndefined();
  expectRefusal(() => producer.commit(21), RANGE, 'length');
  producer.commit(3);
  const seen: number[] = [];
  const copy = (bytes: Uint8Array) => void seen.push(...bytes);
  expect([consumer.read(copy), consumer.read(copy)]).toEqual([true, false]);
  expect(seen).toEqual([1, 2, 3]);
  producer.push('again');
  expect(() =>
    consumer.read(() => {
      consumer.pop();
    }),
  ).toThrow(/being read/);
  // It was read all the same.
  expect(consumer.pop()).toBeUndefined();
});

test('the end of the buffer is skipped, also when nothing comes behind', () => {
  const { producer, consumer } = sides(64);
  producer.push(pattern(24));
  consumer.pop();
  producer.push(pattern(8));
  consumer.pop();
  // At 48: 16 are left, and 32 are wanted.
  producer.claim(24);
  producer.publish();
  expect(consumer.pop()).toBeUndefined();
  expect(producer.push(pattern(24, 3))).toBe(true);
  expect(consumer.pop()?.equals(pattern(24, 3))).toBe(true);
});

const calls = fc.array(
  fc.oneof(
    fc.record({ what: fc.constantFrom('push', 'stage', 'text' as const), length: fc.nat(120) }),
    fc.record({
      what: fc.constantFrom('pop', 'read', 'drain', 'publish', 'release' as const),
      length: fc.nat(5),
    }),
  ),
  { maxLength: 150 },
);

test('any run of calls agrees with a list', () => {
  const memory = sharedMemory({ size: 2 ** 22 });
  const queues = [64, 128, 256].map((capacity) => sides(capacity, memory));
  const check = (start: number, index: number, run: { what: string; length: number }[]) => {
    const { name, words, ...old } = queues[index] as (typeof queues)[0];
    old.producer.close();
    old.consumer.close();
    words[32] = start;
    words[64] = start;
    const producer = SpscMessages.producer(memory, name);
    const consumer = SpscMessages.consumer(memory, name);
    const list: string[] = [];
    let published = 0;
    for (const [step, { what, length }] of run.entries()) {
      if (what === 'push' || what === 'stage' || what === 'text') {
        const message = text(pattern(length, step))
          .slice(0, length)
          .replace(/[^ -~]/g, '.');
        const bytes = what === 'text' ? message : Buffer.from(message);
        if (message.length > producer.longest) {
          expectRefusal(() => producer.push(bytes), RANGE, 'message');
          continue;
        }
        const done = what === 'stage' ? producer.stage(bytes) : producer.push(bytes);
        if (list.length === 0) consumer.release();
        if (done) list.push(message);
        if (what !== 'stage' || !done) published = list.length;
      } else if (what === 'publish') {
        producer.publish();
        published = list.length;
      } else if (what === 'release') {
        consumer.release();
      } else {
        const got: string[] = [];
        const take = (bytes: Uint8Array) => void got.push(text(bytes));
        if (what === 'pop') got.push(...[consumer.pop()].filter(Boolean).map(String));
        else if (what === 'read') consumer.read(take);
        else consumer.drain(take, length);
        if (what === 'pop' && got.length === 0 && published > 0 && list[0] === '') got.push('');
        const most = what === 'drain' ? length : 1;
        expect(got.length).toBeLessThanOrEqual(Math.min(most, published));
        if (most > 0 && published > 0) expect(got.length).toBeGreaterThan(0);
        expect(list.splice(0, got.length)).toEqual(got);
        published -= got.length;
      }
    }
    producer.close();
    const rest: string[] = [];
    consumer.drain((bytes) => rest.push(text(bytes)));
    expect(rest).toEqual(list);
    expect(consumer.ended).toBe(true);
    consumer.close();
  };
  const starts = fc.constantFrom(0, 2 ** 31 - 64, -64, -(2 ** 31));
  fc.assert(fc.property(starts, fc.nat(2), calls, check), { numRuns: 400 });
});

/** Sends messages of all lengths and looks at what comes back, reversed. */
async function exchange(
  producer: MessageProducer,
  back: AsyncIterable<Buffer>,
  many: number,
): Promise<number> {
  const send = async () => {
    for (let index = 0; index < many; index++) {
      await producer.pushAsync(pattern(index % (producer.longest + 1), index));
    }
    producer.close();
  };
  const sending = send();
  let index = 0;
  for await (const message of back) {
    const expected = pattern(index % (producer.longest + 1), index).reverse();
    if (!message.equals(expected)) throw new Error(`message ${index} came back wrong`);
    index++;
  }
  await sending;
  return index;
}

test.each([
  ['a worker', worker],
  ['a process', nodeProcess],
] as const)('%s sends everything back', async (_, start) => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'there', { capacity: 512 });
  SpscMessages.create(memory, 'back', { capacity: 512 });
  const peer = start(memory, 'echo', 'there', 'back');
  const producer = SpscMessages.producer(memory, 'there');
  expect(await exchange(producer, SpscMessages.consumer(memory, 'back'), 2000)).toBe(2000);
  expect(await peer.ended).toBe('');
});

test.runIf(hasCompiler())('a program in C and a worker exchange messages', async () => {
  const memory = sharedMemory();
  for (const name of ['one', 'two', 'three']) SpscMessages.create(memory, name, { capacity: 512 });
  // Through the worker to C and back here: what both reverse is as it was.
  const peer = worker(memory, 'echo', 'one', 'two');
  const c = processOf(memory, [reference('shared-peer'), '3', 'echo', 'two', 'three']);
  const producer = SpscMessages.producer(memory, 'one');
  const consumer = SpscMessages.consumer(memory, 'three');
  const reversed = (async function* () {
    for await (const message of consumer) yield message.reverse();
  })();
  expect(await exchange(producer, reversed, 3000)).toBe(3000);
  expect(await c.said()).toBe('3000');
  expect([await c.ended, await peer.ended]).toEqual(['', '']);
});

test.runIf(hasCompiler())('a program in C that is killed is noticed', async () => {
  const memory = sharedMemory();
  for (const name of ['one', 'two']) SpscMessages.create(memory, name, { capacity: 512 });
  const c = processOf(memory, [reference('shared-peer'), '3', 'echo', 'one', 'two']);
  const producer = SpscMessages.producer(memory, 'one');
  const consumer = SpscMessages.consumer(memory, 'two');
  await producer.pushAsync('stressed');
  expect(String(await consumer.popAsync())).toBe('desserts');
  await c.kill();
  await expect(consumer.popAsync()).rejects.toMatchObject({ code: 'ERR_NEARMETAL_PEER_DIED' });
  const stuck = async () => {
    for (;;) await producer.pushAsync('message');
  };
  await expect(stuck()).rejects.toMatchObject({ code: 'ERR_NEARMETAL_PEER_DIED' });
});

test('a message that is too long, or none, is refused', () => {
  const { producer } = sides(256);
  expectRefusal(() => producer.push(pattern(121)), RANGE, '120');
  expectRefusal(() => producer.push('x'.repeat(121)), RANGE, '120');
  expectRefusal(() => producer.push(5 as never), TYPE, 'message');
  const gone = new Uint8Array(8);
  structuredClone(gone, { transfer: [gone.buffer] });
  expect(() => producer.push(gone)).toThrow(/detached/);
  expect(producer.usedBytes).toBe(0);
});

test('lengths that cannot be are corrupt, and nothing outside is read', () => {
  const memory = sharedMemory();
  for (const length of [-2, 57, 25, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)]) {
    const { producer, consumer, words } = sides(128, memory);
    producer.push(pattern(8));
    words[160] = length;
    expectShared(() => consumer.pop(), 'CORRUPT');
    expectShared(() => consumer.read(() => {}), 'CORRUPT');
  }
  // To skip is wrong where less than the rest has been published.
  const { producer, consumer, words } = sides(128, memory);
  producer.push(pattern(8));
  words[160] = -1;
  expectShared(() => consumer.pop(), 'CORRUPT');
  words[1] = 100;
  producer.close();
  expect(producer.usedBytes).toBe(16);
});
