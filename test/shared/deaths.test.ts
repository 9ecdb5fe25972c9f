/**
 * Participants killed at any point: what they had published is whole, the rest never was.
 * NEARMETAL_DEATHS says how many are killed in each test; by default a hundred.
 */
import { type MessageConsumer, SpscMessages } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { hasCompiler, reference } from '../../bench/_lib/reference.js';
import { expectShared, nodeProcess, processOf, sharedMemory, worker } from '../support/shared.js';

const DEATHS = Number(process.env.NEARMETAL_DEATHS ?? 100);
const LIMIT_MS = 60_000 + DEATHS * 200;

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
