/** Mutex, semaphore, condition, barrier and once: alone, between threads, and with dead holders. */
import {
  Barrier,
  Condition,
  Mutex,
  Once,
  Semaphore,
  SpscMessages,
  SpscQueue,
} from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { expectRefusal, RANGE, TYPE } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

test('a mutex is one participant’s', async () => {
  const memory = sharedMemory();
  Mutex.create(memory, 'mutex');
  const [mine, other] = [Mutex.open(memory, 'mutex'), Mutex.open(attached(memory), 'mutex')];
  expect([mine.tryLock(), mine.tryLock(), other.tryLock()]).toEqual([
    'clean',
    undefined,
    undefined,
  ]);
  expect([mine.isMine, other.isMine, other.holder]).toEqual([true, false, memory.participant]);
  expectShared(() => other.unlock(), 'TAKEN');
  expect(() => mine.lockBlocking()).toThrow(/wait for itself/);
  expect(() => other.lockBlocking({ timeoutMs: 60, spin: 0 })).toThrow(/ETIMEDOUT/);
  await expect(other.lockAsync({ timeoutMs: 1 })).rejects.toThrow(/ETIMEDOUT/);
  // Two tasks of one thread.
  const tasks = [mine.lockAsync(), other.lockAsync()];
  mine.unlock();
  const order = await Promise.race(tasks.map((task, index) => task.then(() => index)));
  [mine, other][order]?.unlock();
  await Promise.all(tasks);
  [mine, other][1 - order]?.unlock();
  expect(mine.holder).toBe(0);
  expect(mine.run((state) => [state, other.tryLock()])).toEqual(['clean', undefined]);
  expect(() =>
    mine.run(() => {
      throw new Error('from the work');
    }),
  ).toThrow('from the work');
  expect(other.tryLock()).toBe('clean');
});

test.each([
  ['worker', worker],
  ['process', nodeProcess],
] as const)('a mutex whose holder, a %s, dies is got as abandoned', async (_, start) => {
  const memory = sharedMemory();
  Mutex.create(memory, 'mutex');
  const mutex = Mutex.open(memory, 'mutex');
  for (const wait of [() => mutex.lockBlocking(), () => mutex.lockAsync()]) {
    const peer = start(memory, 'lock', 'mutex');
    expect(await peer.said()).toBe('clean');
    expect(mutex.tryLock()).toBeUndefined();
    await peer.kill();
    expect(await wait()).toBe('abandoned');
    mutex.unlock();
    expect(mutex.tryLock()).toBe('clean');
    mutex.unlock();
  }
});

test('a semaphore counts', async () => {
  const memory = sharedMemory();
  Semaphore.create(memory, 'permits', 2);
  const permits = Semaphore.open(memory, 'permits');
  expect([permits.tryAcquire(), permits.tryAcquire(), permits.tryAcquire()]).toEqual([
    true,
    true,
    false,
  ]);
  expect(() => permits.acquireBlocking({ timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  const waiting = permits.acquireAsync();
  permits.release(2);
  await waiting;
  expect(permits.available).toBe(1);
  permits.acquireBlocking();
  permits.release(2 ** 31 - 1);
  expectRefusal(() => permits.release(), RANGE, 'permits');
  expectRefusal(() => permits.release(0), RANGE, 'permits');
  expectRefusal(() => Semaphore.create(memory, 'other', -1), RANGE, 'permits');
  expectRefusal(() => Semaphore.create(memory, 'other', '1' as never), TYPE, 'permits');
});

test('a condition wakes all, who look again', async () => {
  const memory = sharedMemory();
  Mutex.create(memory, 'mutex');
  Condition.create(memory, 'condition');
  const [one, two] = [attached(memory), attached(memory)];
  let ready = false;
  const waits = [one, two].map(async (each) => {
    const [mutex, condition] = [Mutex.open(each, 'mutex'), Condition.open(each, 'condition')];
    await mutex.lockAsync();
    while (!ready) expect(await condition.waitAsync(mutex)).toBe('clean');
    expect(mutex.isMine).toBe(true);
    mutex.unlock();
  });
  const [mutex, condition] = [Mutex.open(memory, 'mutex'), Condition.open(memory, 'condition')];
  await mutex.lockAsync();
  condition.notifyAll();
  mutex.unlock();
  await mutex.lockAsync();
  ready = true;
  condition.notifyAll();
  mutex.unlock();
  await Promise.all(waits);
  mutex.lockBlocking();
  expect(() => condition.waitBlocking(mutex, { timeoutMs: 2 })).toThrow(/ETIMEDOUT/);
  await expect(condition.waitAsync(mutex, { timeoutMs: 2 })).rejects.toThrow(/ETIMEDOUT/);
  expect(mutex.isMine).toBe(true);
  mutex.unlock();
  expectShared(() => condition.waitBlocking(mutex), 'TAKEN');
});

test('a barrier lets all go when the last one has come, round after round', async () => {
  const memory = sharedMemory();
  Barrier.create(memory, 'barrier', 3);
  const members = [1, 2, 3].map(() => Barrier.open(attached(memory), 'barrier'));
  expectShared(() => Barrier.open(memory, 'barrier'), 'FULL');
  for (let round = 0; round < 5; round++) {
    const results = await Promise.all(members.map((member) => member.waitAsync()));
    expect(results.filter(Boolean)).toHaveLength(1);
  }
  expect(() => members[0]?.waitBlocking({ timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  expectShared(() => members[1]?.waitBlocking(), 'CLOSED');
  Barrier.create(memory, 'one', 1);
  expect(Barrier.open(memory, 'one').waitBlocking()).toBe(true);
  Barrier.create(memory, 'two', 2);
  const [stays, leaves] = [Barrier.open(memory, 'two'), Barrier.open(attached(memory), 'two')];
  const waiting = stays.waitAsync();
  leaves.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_NEARMETAL_CLOSED' });
  expectRefusal(() => Barrier.create(memory, 'none', 0), RANGE, 'parties');
});

test('a member that dies breaks the barrier', async () => {
  const memory = sharedMemory();
  for (const [name, last] of [
    ['before', 'stay'],
    ['waiting', 'wait'],
  ] as const) {
    Barrier.create(memory, name, 3);
    const peer = nodeProcess(memory, 'barrier', name, last);
    await peer.said();
    await peer.kill();
    const [one, two] = [Barrier.open(memory, name), Barrier.open(attached(memory), name)];
    const waits = await Promise.allSettled([one.waitAsync(), two.waitAsync()]);
    // Whoever died waiting had come: the others go on, and the next round fails.
    const again = await Promise.allSettled([one.waitAsync(), two.waitAsync()]);
    const results = [...waits, ...again].map(({ status }) => status);
    expect(results.slice(2)).toEqual(['rejected', 'rejected']);
  }
});

test('once is done by one, and again when that failed or died', async () => {
  const memory = sharedMemory();
  Once.create(memory, 'once');
  const once = Once.open(memory, 'once');
  expect(() =>
    once.runBlocking(() => {
      throw new Error('not yet');
    }),
  ).toThrow('not yet');
  await expect(once.runAsync(() => Promise.reject(new Error('nor now')))).rejects.toThrow(
    'nor now',
  );
  expect(once.done).toBe(false);
  expectShared(() => once.runBlocking(() => once.runBlocking(() => {})), 'TAKEN');
  const peer = nodeProcess(memory, 'once', 'once');
  await peer.said();
  expect(() => once.runBlocking(() => {}, { timeoutMs: 60 })).toThrow(/ETIMEDOUT/);
  await peer.kill();
  expect(await once.runAsync(() => {})).toBe(true);
  expect([once.done, once.runBlocking(() => {}), await once.runAsync(() => {})]).toEqual([
    true,
    false,
    false,
  ]);
});

test('all of them together, between threads', async () => {
  const memory = sharedMemory();
  Mutex.create(memory, 'mutex');
  Semaphore.create(memory, 'permits', 2);
  Condition.create(memory, 'changed');
  Barrier.create(memory, 'barrier', 3);
  Once.create(memory, 'once');
  SpscQueue.create(memory, 'number', { capacity: 2 });
  const first = SpscQueue.producer(memory, 'number');
  first.push(0);
  first.close();
  const workers = [1, 2, 3].map(() => worker(memory, 'add', '200'));
  const mutex = Mutex.open(memory, 'mutex');
  const changed = Condition.open(memory, 'changed');
  await mutex.lockAsync();
  await changed.waitAsync(mutex, { timeoutMs: 30_000 });
  mutex.unlock();
  const said = await Promise.all(workers.map((each) => each.said()));
  for (const each of workers) expect(await each.ended).toBe('');
  // Each round of the barrier has one last, and one of all did what is done once.
  expect(said.map(Number).reduce((sum, each) => sum + each)).toBe(1000 + 20);
  expect(SpscQueue.consumer(memory, 'number').pop()).toBe(600);
});

test('kinds are told apart', () => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'messages', { capacity: 64 });
  for (const kind of [Mutex, Semaphore, Condition, Barrier, Once]) {
    expectShared(() => kind.open(memory, 'messages'), 'LAYOUT');
    expectShared(() => kind.open(memory, 'nothing'), 'NOT_FOUND');
  }
});

test('headers that cannot be are corrupt', () => {
  const memory = sharedMemory();
  Mutex.create(memory, 'MUTX');
  Semaphore.create(memory, 'SEMA', 1);
  Condition.create(memory, 'COND');
  Barrier.create(memory, 'BARR', 2);
  Once.create(memory, 'ONCE');
  const kinds = { MUTX: Mutex, SEMA: Semaphore, COND: Condition, BARR: Barrier, ONCE: Once };
  for (const parties of [0, -1, 99, 2 ** 30]) {
    wordsOf(memory, 'BARR', 'BARR')[1] = parties;
    expectShared(() => Barrier.open(memory, 'BARR'), 'CORRUPT');
  }
  for (const [name, kind] of Object.entries(kinds)) {
    wordsOf(memory, name, name)[0] = 1;
    expectShared(() => kind.open(memory, name), 'CORRUPT');
  }
});
