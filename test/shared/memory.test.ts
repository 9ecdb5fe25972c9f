/** Shared memory: who takes part, what is in it, and what is refused. */
import { ftruncateSync } from 'node:fs';
import { Memfd } from 'nearmetal/fd';
import { asFd } from 'nearmetal/ring';
import { SharedMemory, SpscMessages, SpscQueue } from 'nearmetal/shared';
import { expect, onTestFinished, test } from 'vitest';
import { native } from '../../lib/native.js';
import { expectRefusal, openWith, RANGE, TYPE, VALUE } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  sharedMemory,
  wordsAt,
  wordsOf,
  worker,
} from '../support/shared.js';

test('memory is found again by descriptor and by path, at another address', () => {
  const memory = sharedMemory({ name: 'shared-test' });
  const other = attached(memory);
  const path = `/proc/${process.pid}/fd/${memory.fd?.fd}`;
  const third = SharedMemory.open(path);
  SpscQueue.create(memory, 'queue', { capacity: 8 });
  expect([other.has('queue'), third.has('queue'), third.has('queu')]).toEqual([true, true, false]);
  expect(other.size).toBe(memory.size);
  expect(other.fd).toBeUndefined();
  const names = [memory, other, third].map(({ participant }) => participant);
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(memory.isAlive(name)).toBe(true);
  expect(memory.tidOf(other.participant)).toBe(native.gettid());
  third.close();
  third.close();
  expect(memory.isAlive(third.participant)).toBe(false);
  expect(memory.tidOf(third.participant)).toBeUndefined();
  expectShared(() => SpscQueue.producer(third, 'queue'), 'CLOSED');
  expect(() => structuredClone(memory)).toThrow(/itBelongsToItsThread/);
});

test('a slot is taken again under another name', () => {
  const memory = sharedMemory();
  const one = attached(memory);
  const name = one.participant;
  one.close();
  const two = attached(memory);
  expect(two.participant & 0xff).toBe(name & 0xff);
  expect(two.participant).not.toBe(name);
  expect([memory.isAlive(name), memory.isAlive(two.participant)]).toEqual([false, true]);
  expect(memory.isAlive(0)).toBe(false);
});

test('255 can take part, and the ended make room', async () => {
  const memory = sharedMemory();
  const others = Array.from({ length: 253 }, () => attached(memory));
  SpscMessages.create(memory, 'queue', { capacity: 1024 });
  const peer = nodeProcess(memory, 'consume', 'queue');
  await peer.said();
  expectShared(() => attached(memory), 'FULL');
  await peer.kill();
  expect(memory.isAlive(attached(memory).participant)).toBe(true);
  expect(others.every(({ participant }) => memory.isAlive(participant))).toBe(true);
});

test('a worker that was terminated and a process that was killed are not alive', async () => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'one', { capacity: 1024 });
  SpscMessages.create(memory, 'two', { capacity: 1024 });
  for (const [start, name] of [
    [worker, 'one'],
    [nodeProcess, 'two'],
  ] as const) {
    const peer = start(memory, 'consume', name);
    await peer.said();
    const producer = SpscMessages.producer(memory, name);
    expect(producer.consumerAlive).toBe(true);
    await peer.kill();
    expect(producer.consumerAlive).toBe(false);
  }
});

test('names are unique, and kinds are told apart', () => {
  const memory = sharedMemory();
  SpscQueue.create(memory, 'one', { capacity: 8 });
  expectShared(() => SpscQueue.create(memory, 'one', { capacity: 8 }), 'EXISTS');
  expectShared(() => SpscMessages.create(memory, 'one', { capacity: 64 }), 'EXISTS');
  expectShared(() => SpscMessages.consumer(memory, 'one'), 'LAYOUT');
  expectShared(() => SpscQueue.consumer(memory, 'two'), 'NOT_FOUND');
  const name = 'ü'.repeat(24);
  SpscQueue.create(memory, name, { capacity: 8 });
  expect(memory.has(name)).toBe(true);
  expectRefusal(() => SpscQueue.create(memory, `${name}x`, { capacity: 8 }), VALUE, 'name');
  expectRefusal(() => SpscQueue.create(memory, '', { capacity: 8 }), VALUE, 'name');
  expectRefusal(() => SpscQueue.create(memory, 5 as never, { capacity: 8 }), TYPE, 'name');
});

test('what does not fit is refused, and takes nothing', () => {
  const memory = sharedMemory({ size: 32_768 });
  expectShared(() => SpscQueue.create(memory, 'large', { capacity: 1024 }), 'FULL');
  expect(memory.has('large')).toBe(false);
  SpscQueue.create(memory, 'small', { capacity: 512 });
  const many = sharedMemory();
  for (let index = 0; index < 256; index++) {
    SpscQueue.create(many, `queue ${index}`, { capacity: 1, record: 'int32' });
  }
  expectShared(() => SpscQueue.create(many, 'one more', { capacity: 1 }), 'FULL');
});

test('only whole memory of this layout is attached', () => {
  const words = (memory: SharedMemory) => wordsAt(memory, 0, 16);
  const foreign = Memfd.create({ size: 65_536 });
  onTestFinished(() => foreign.close());
  expectShared(() => SharedMemory.attach(foreign), 'LAYOUT');
  foreign.seal('shrink');
  expectShared(() => SharedMemory.attach(foreign), 'LAYOUT');
  const small = Memfd.create({ size: 4096 });
  onTestFinished(() => small.close());
  small.seal('shrink');
  expectShared(() => SharedMemory.attach(small), 'LAYOUT');
  expectShared(() => SharedMemory.attach(openWith('a plain file')), 'LAYOUT');
  for (const [word, value] of [
    [0, 0],
    [1, 2],
    [2, 2 ** 30],
    [3, 1],
    [7, 12],
  ] as const) {
    const memory = sharedMemory();
    words(memory)[word] = value;
    expectShared(() => attached(memory), 'LAYOUT');
  }
  expect(() => SharedMemory.open('/proc/self/fd/9999')).toThrow(/ENOENT/);
});

test('nobody can cut the memory off', () => {
  const memory = sharedMemory();
  expect(() => ftruncateSync(memory.fd?.fd ?? -1, 4096)).toThrow(/EPERM/);
});

test('an entry that points outside is corrupt', () => {
  const memory = sharedMemory();
  SpscQueue.create(memory, 'queue', { capacity: 8 });
  const entry = wordsAt(memory, 8192, 16);
  entry[2] = 2 ** 30;
  expectShared(() => SpscQueue.consumer(memory, 'queue'), 'CORRUPT');
  expectShared(() => memory.has('queue'), 'CORRUPT');
});

test('whoever died making a structure does not keep others from it', async () => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'queue', { capacity: 1024 });
  const peer = nodeProcess(memory, 'consume', 'queue');
  await peer.said();
  const words = wordsAt(memory, 0, 16);
  const consumer = SpscMessages.producer(memory, 'queue');
  const dead = wordsOf(memory, 'queue', 'SPSM')[4] as number;
  await peer.kill();
  words[6] = dead;
  SpscQueue.create(memory, 'another', { capacity: 8 });
  expect(words[6]).toBe(0);
  expect(memory.has('another')).toBe(true);
  consumer.close();
});

test('wrong arguments are refused before any call', () => {
  expectRefusal(() => SharedMemory.create({ size: 4096 }), RANGE, 'size');
  expectRefusal(() => SharedMemory.create({ size: 2 ** 40 }), RANGE, 'size');
  expectRefusal(() => SharedMemory.create({ sise: 1 } as never), VALUE, 'size');
  expectRefusal(() => SharedMemory.attach(5 as never), TYPE, 'asFd');
  expect(() => SharedMemory.attach(asFd(9999))).toThrow(/cannot attach/);
  const memory = sharedMemory();
  for (const capacity of [3, 1000]) {
    expectRefusal(() => SpscQueue.create(memory, 'q', { capacity }), VALUE, 'power of two');
  }
  expectRefusal(() => SpscQueue.create(memory, 'q', { capacity: 0 }), RANGE, 'capacity');
  expectRefusal(() => SpscQueue.create(memory, 'q', { capacity: 1.5 }), RANGE, 'capacity');
  expectRefusal(
    () => SpscQueue.create(memory, 'q', { capacity: 8, record: 'x' as never }),
    VALUE,
    'record',
  );
  expectRefusal(() => SpscMessages.create(memory, 'q', { capacity: 32 }), RANGE, 'capacity');
  expectRefusal(() => SpscMessages.create(memory, 'q', { capacity: 96 }), VALUE, 'power of two');
});
