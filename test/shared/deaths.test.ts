/**
 * Participants killed at any point: what they had published is whole, the rest never was.
 * NEARMETAL_DEATHS says how many are killed in each test; by default a hundred.
 */
import { readFileSync } from 'node:fs';
import { type MessageConsumer, MpmcQueue, Mutex, SpscMessages } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { hasCompiler, reference } from '../../bench/_lib/reference.js';
import {
  attached,
  expectShared,
  nodeProcess,
  processOf,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

const DEATHS = Number(process.env.NEARMETAL_DEATHS ?? 100);
const LIMIT_MS = 120_000 + DEATHS * 200;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** As `flood` and `drain` of shared-peer.c have it. */
function numbered(number: number): Buffer {
  const message = Buffer.alloc(4 + (number % 200), number & 0xff);
  message.writeUInt32LE(number >>> 0, 0);
  return message;
}

/** Takes what is there, which must be `next` and the numbers behind it; answers the one after. */
function takeAll(consumer: MessageConsumer, next: number): number {
  let number = next;
  consumer.drain((bytes) => {
    if (!numbered(number).equals(bytes)) throw new Error(`message ${number} is torn`);
    number++;
  });
  return number;
}

test.runIf(hasCompiler())(
  'producers that are killed leave whole messages, and the next one goes on',
  async () => {
    const memory = sharedMemory();
    SpscMessages.create(memory, 'queue', { capacity: 4096 });
    const consumer = SpscMessages.consumer(memory, 'queue');
    let next = 0;
    for (let death = 0; death < DEATHS; death++) {
      const command = [reference('shared-peer'), '3', 'flood', 'queue', String(next)];
      const peer = processOf(memory, command);
      await peer.said();
      const end = performance.now() + Math.random() * 3;
      while (performance.now() < end) next = takeAll(consumer, next);
      const killed = peer.kill();
      while (consumer.usedBytes > 0) next = takeAll(consumer, next);
      expect(await killed).toBe('SIGKILL');
      next = takeAll(consumer, next);
      expect(consumer.usedBytes).toBe(0);
    }
    expect(next).toBeGreaterThan(DEATHS);
    expectShared(() => consumer.popBlocking(), 'PEER_DIED');
  },
  LIMIT_MS,
);

test.runIf(hasCompiler())(
  'consumers that are killed leave the rest to the next one',
  async () => {
    const memory = sharedMemory();
    SpscMessages.create(memory, 'queue', { capacity: 4096 });
    const producer = SpscMessages.producer(memory, 'queue');
    let number = 0;
    for (let death = 0; death < DEATHS; death++) {
      const peer = processOf(memory, [reference('shared-peer'), '3', 'drain', 'queue']);
      await peer.said();
      const end = performance.now() + Math.random() * 3;
      while (performance.now() < end) if (producer.push(numbered(number))) number++;
      expect(await peer.kill()).toBe('SIGKILL');
    }
    const last = SpscMessages.consumer(memory, 'queue');
    // The one that it had not said to be done with comes again, and none is left out.
    const first = last.pop();
    const next = first === undefined ? number : takeAll(last, first.readUInt32LE(0) + 1);
    expect(next).toBe(number);
    expect(number).toBeGreaterThan(DEATHS);
  },
  LIMIT_MS,
);

test.runIf(hasCompiler())(
  'whoever dies putting into or taking out of a queue of many does not stop the others',
  async () => {
    for (let death = 0; death < DEATHS; death += 3) {
      // New memory, since the C program repairs nothing: each of its slots is new.
      const memory = sharedMemory();
      MpmcQueue.create(memory, 'queue', { capacity: 8 });
      const queue = MpmcQueue.open(memory, 'queue');
      const start = (...words: string[]) =>
        processOf(memory, [reference('shared-peer'), '3', ...words]);
      const peers = [
        start('pour', 'queue', '1'),
        start('pour', 'queue', '2'),
        start('take', 'queue'),
      ];
      await Promise.all(peers.map((peer) => peer.said()));
      const last = [-1, -1, -1];
      const see = (value: number) => {
        const [producer, index] = [Math.floor(value / 2 ** 24), value % 2 ** 24];
        if (index <= (last[producer] as number)) throw new Error(`${value} came out of order`);
        last[producer] = index;
      };
      const end = performance.now() + Math.random() * 3;
      while (performance.now() < end) {
        const value = queue.pop();
        if (value !== undefined) see(value);
      }
      const kills = peers.map((peer) => peer.kill());
      expect(await Promise.all(kills)).toEqual(Array(3).fill('SIGKILL'));
      // What they left is taken out, holes are passed, and all of it can be used again.
      const other = MpmcQueue.open(attached(memory), 'queue');
      for (let index = 0; index < 8 * 4; index++) {
        while (!queue.push(index)) {
          const value = other.pop();
          if (value !== undefined && value >= 2 ** 24) see(value);
        }
      }
      while (queue.length > 0) other.pop();
      for (let index = 0; index < 8; index++) queue.pushBlocking(index, { timeoutMs: 5000 });
      expect(queue.push(8)).toBe(false);
      memory.close();
    }
  },
  LIMIT_MS,
);

test.runIf(hasCompiler())(
  'a mutex whose holder is killed at any point says so when what it guards is half changed',
  async () => {
    const memory = sharedMemory();
    Mutex.create(memory, 'mutex');
    SpscMessages.create(memory, 'data', { capacity: 64 });
    const data = wordsOf(memory, 'data', 'SPSM').subarray(160, 162);
    const mutex = Mutex.open(memory, 'mutex');
    let [abandoned, half] = [0, 0];
    for (let death = 0; death < DEATHS; death++) {
      const peer = processOf(memory, [reference('shared-peer'), '3', 'count', 'mutex', 'data']);
      await peer.said();
      const end = performance.now() + Math.random() * 2;
      while (performance.now() < end);
      expect(await peer.kill()).toBe('SIGKILL');
      const state = mutex.lockBlocking({ timeoutMs: 5000 });
      const [one, two] = [data[0] as number, data[1] as number];
      if (state === 'clean') expect(one).toBe(two);
      else abandoned++;
      if (one !== two) half++;
      data.fill(one);
      mutex.unlock();
    }
    expect(data[0]).toBeGreaterThan(DEATHS);
    expect(half).toBeLessThanOrEqual(abandoned);
    expect(abandoned).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

test.runIf(hasCompiler())('a consumer that is stopped is waited for, and goes on', async () => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'queue', { capacity: 1024 });
  const producer = SpscMessages.producer(memory, 'queue');
  const peer = processOf(memory, [reference('shared-peer'), '3', 'drain', 'queue']);
  await peer.said();
  const pid = memory.tidOf(wordsOf(memory, 'queue', 'SPSM')[4] as number) as number;
  process.kill(pid, 'SIGSTOP');
  while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await pause(1);
  let number = 0;
  while (producer.push(numbered(number))) number++;
  const message = numbered(number);
  expect(() => producer.pushBlocking(message, { timeoutMs: 60 })).toThrow(/ETIMEDOUT/);
  await expect(producer.pushAsync(message, { timeoutMs: 210 })).rejects.toThrow(/ETIMEDOUT/);
  expect(producer.consumerAlive).toBe(true);
  process.kill(pid, 'SIGCONT');
  producer.pushBlocking(message);
  while (producer.usedBytes > 0) await pause(1);
  expect(await peer.kill()).toBe('SIGKILL');
});

test.each([
  ['worker that is terminated', worker],
  ['process that is killed', nodeProcess],
] as const)('a %s leaves what it had published', async (_, start) => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'queue', { capacity: 4096 });
  const consumer = SpscMessages.consumer(memory, 'queue');
  for (let round = 0; round < 3; round++) {
    const peer = start(memory, 'produce', 'queue');
    await peer.said();
    await peer.kill();
    expect(String(await consumer.popAsync())).toBe('published');
    await expect(consumer.popAsync()).rejects.toMatchObject({ code: 'ERR_NEARMETAL_PEER_DIED' });
    expectShared(() => consumer.popBlocking(), 'PEER_DIED');
  }
});

test('a worker that waits for room can be terminated', async () => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'queue', { capacity: 256 });
  const consumer = SpscMessages.consumer(memory, 'queue');
  const peer = worker(memory, 'flood', 'queue', '0');
  await peer.said();
  await pause(20);
  await peer.kill();
  expect(consumer.pop()?.readUInt32LE(0)).toBe(0);
});
