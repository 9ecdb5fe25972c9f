/** Values that many read: sequence lock, counters, histogram, broadcast ring, map. */
import fc from 'fast-check';
import {
  BroadcastRing,
  Counters,
  Histogram,
  SeqLock,
  SharedHashMap,
  SpscMessages,
} from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { expectRefusal, RANGE, TYPE, VALUE } from '../support/ring.js';
import {
  attached,
  expectShared,
  nodeProcess,
  sharedMemory,
  wordsOf,
  worker,
} from '../support/shared.js';

test('a value is read as it was last written', async () => {
  const memory = sharedMemory();
  SeqLock.create(memory, 'value', 16);
  const one = SeqLock.open(memory, 'value');
  const two = SeqLock.open(attached(memory), 'value');
  const target = new Float64Array(2);
  expect([two.read(target), ...target]).toEqual([0, 0, 0]);
  const change = two.changeAsync(0);
  one.write(new Float64Array([1.5, -2]));
  await change;
  expect([two.read(target), ...target]).toEqual([1, 1.5, -2]);
  two.changeBlocking(0);
  expect(() => two.changeBlocking(1, { timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  expectRefusal(() => one.write(new Uint8Array(8)), VALUE, '16 bytes');
  expectRefusal(() => one.read(new Uint8Array(17)), VALUE, '16 bytes');
  expectRefusal(() => SeqLock.create(memory, 'other', 6), VALUE, 'byteLength');
  expectRefusal(() => SeqLock.create(memory, 'other', 0), RANGE, 'byteLength');
});

test('a value is never seen half written, also when its writer is killed', async () => {
  const memory = sharedMemory();
  SeqLock.create(memory, 'value', 256);
  const value = SeqLock.open(memory, 'value');
  const target = new Int32Array(64);
  for (const start of [worker, nodeProcess]) {
    const peer = start(memory, 'write', 'value');
    await peer.said();
    const versions = new Set<number>();
    const end = performance.now() + 50;
    while (performance.now() < end || versions.size < 20) {
      versions.add(value.read(target));
      expect(target.every((word) => word === target[0])).toBe(true);
    }
    await peer.kill();
    value.read(target);
    expect(target.every((word) => word === target[0])).toBe(true);
    value.write(target.fill(-1));
  }
});

test('counters of all participants are summed up', async () => {
  const memory = sharedMemory();
  Counters.create(memory, 'counters', 3);
  const own = Counters.open(memory, 'counters');
  const peers = [worker, worker, nodeProcess].map((start) =>
    start(memory, 'tally', 'counters', '10000'),
  );
  for (let index = 0; index < 10_000; index++) own.add(index % 3);
  for (const peer of peers) expect(await peer.ended).toBe('');
  expect(own.values()).toEqual([3334, 3333, 3333].map((each) => each * 4));
  own.add(1, 0.5);
  expect(own.value(1)).toBe(13_332.5);
  expect(own.count).toBe(3);
  expectRefusal(() => own.add(3), RANGE, 'index');
  expectRefusal(() => own.add(-1), RANGE, 'index');
  expectRefusal(() => own.add(0.5), RANGE, 'index');
  expectRefusal(() => own.add(0, '1' as never), TYPE, 'amount');
  expectRefusal(() => own.value(3), RANGE, 'index');
  const other = attached(memory);
  const gone = Counters.open(other, 'counters');
  other.close();
  expectShared(() => gone.add(0), 'CLOSED');
  expectShared(() => gone.value(0), 'CLOSED');
});

test('a histogram tells percentiles to within 1.6 %', () => {
  const memory = sharedMemory();
  Histogram.create(memory, 'one');
  Histogram.create(memory, 'two');
  const one = Histogram.open(memory, 'one');
  const two = Histogram.open(attached(memory), 'two');
  expect([one.count, one.percentile(50), one.min, one.max, one.mean]).toEqual([0, 0, 0, 0, 0]);
  const check = (values: number[], percent: number) => {
    one.reset();
    two.reset();
    values.forEach((value, index) => {
      (index % 2 === 0 ? one : two).record(value);
    });
    one.merge(two);
    const sorted = [...values].sort((low, high) => low - high);
    const exact = sorted[Math.max(0, Math.ceil((percent / 100) * values.length) - 1)] as number;
    const near = (value: number, to: number) => {
      expect(Math.abs(value - to)).toBeLessThanOrEqual(to / 64);
    };
    expect(one.percentile(percent)).toBeGreaterThanOrEqual(exact);
    near(one.percentile(percent), exact);
    near(one.min, sorted[0] as number);
    near(one.max, sorted.at(-1) as number);
    expect(one.count).toBe(values.length);
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    expect(Math.abs(one.mean - mean)).toBeLessThanOrEqual(mean / 64 + 1);
  };
  const value = fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
  const values = fc.array(value, { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(values, fc.nat(100), check), { numRuns: 200 });
  one.reset();
  for (const edge of [0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    one.record(edge, 2);
  }
  expect([one.count, one.min, one.max]).toEqual([14, 0, Number.MAX_SAFE_INTEGER]);
  for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) {
    expectRefusal(() => one.record(wrong), RANGE, 'value');
  }
  expectRefusal(() => one.percentile(101), RANGE, 'percent');
});

test('all readers get all records, and who is too slow is told', async () => {
  const memory = sharedMemory();
  BroadcastRing.create(memory, 'ring', { capacity: 4, recordBytes: 8 });
  const readers = [1, 2].map(() => BroadcastRing.reader(attached(memory), 'ring'));
  const writer = BroadcastRing.writer(memory, 'ring');
  expectShared(() => BroadcastRing.writer(attached(memory), 'ring'), 'TAKEN');
  const target = new Float64Array(1);
  const waiting = readers[0]?.readAsync(target);
  writer.push(new Float64Array([0]));
  expect(await waiting).toBe(true);
  for (let value = 1; value <= 4; value++) writer.push(new Float64Array([value]));
  const seen: number[] = [];
  while (readers[0]?.read(target)) seen.push(target[0] as number);
  expect([...seen, readers[0]?.lost]).toEqual([1, 2, 3, 4, 0]);
  seen.length = 0;
  while (readers[1]?.read(target)) seen.push(target[0] as number);
  // Five were written, four are kept: it goes on in the middle of them.
  expect([...seen, readers[1]?.lost]).toEqual([3, 4, 3]);
  expect(() => readers[1]?.readBlocking(target, { timeoutMs: 1 })).toThrow(/ETIMEDOUT/);
  writer.push(new Float64Array([9]));
  writer.close();
  writer.close();
  expectShared(() => writer.push(new Float64Array(1)), 'CLOSED');
  expect([readers[1]?.ended, readers[1]?.readBlocking(target), target[0]]).toEqual([
    false,
    true,
    9,
  ]);
  expect([readers[1]?.ended, readers[1]?.readBlocking(target)]).toEqual([true, false]);
  expect(await readers[1]?.readAsync(target)).toBe(false);
  expectRefusal(() => readers[0]?.read(new Uint8Array(4)), VALUE, '8 bytes');
  for (const options of [
    { capacity: 3, recordBytes: 8 },
    { capacity: 4, recordBytes: 6 },
  ]) {
    expectRefusal(() => BroadcastRing.create(memory, 'other', options), VALUE, 'must be a');
  }
});

test('readers in other threads see whole records in order, and notice a dead writer', async () => {
  const memory = sharedMemory();
  BroadcastRing.create(memory, 'ring', { capacity: 16, recordBytes: 64 });
  const target = new Int32Array(16);
  for (const start of [worker, nodeProcess]) {
    const reader = BroadcastRing.reader(memory, 'ring');
    const peer = start(memory, 'cast', 'ring');
    await peer.said();
    let [last, seen] = [-1, 0];
    const end = performance.now() + 50;
    while (performance.now() < end || seen < 50) {
      if (!reader.read(target)) continue;
      seen++;
      expect(target.every((word) => word === target[0])).toBe(true);
      expect(target[0]).toBeGreaterThan(last);
      last = target[0] as number;
    }
    await peer.kill();
    // It is read to the end, and then there is nobody.
    const rest = async () => {
      for (;;) await reader.readAsync(target);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'ERR_NEARMETAL_PEER_DIED' });
    expect(target.every((word) => word === target[0])).toBe(true);
  }
});

test('a map agrees with a map', () => {
  const memory = sharedMemory();
  const check = (calls: [string, string, number][]) => {
    const maps = [1, 2].map(() => SharedHashMap.open(attachedOnce, name));
    for (const key of keys) maps[0]?.delete(key);
    const model = new Map<string, string>();
    for (const [what, key, length] of calls) {
      const map = maps[length % 2] as SharedHashMap;
      if (what === 'set') {
        const value = key.repeat(length).slice(0, 8);
        const done = map.set(key, Buffer.from(value));
        expect(done).toBe(model.has(key) || model.size < 5);
        if (done) model.set(key, value);
      } else if (what === 'delete') {
        expect(map.delete(key)).toBe(model.delete(key));
      } else {
        expect(map.get(key)?.toString()).toBe(model.get(key));
        expect(map.has(key)).toBe(model.has(key));
      }
      expect(map.size).toBe(model.size);
    }
    for (const key of keys) expect(maps[0]?.get(key)?.toString()).toBe(model.get(key));
  };
  const name = 'map';
  const keys = ['a', 'b', 'key', 'longer key', 'ü', 'key\0', 'sixteen letters!'];
  SharedHashMap.create(memory, name, { capacity: 5, keyBytes: 16, valueBytes: 16 });
  const attachedOnce = attached(memory);
  const call = fc.tuple(
    fc.constantFrom('set', 'set', 'get', 'delete'),
    fc.constantFrom(...keys),
    fc.nat(9),
  );
  fc.assert(fc.property(fc.array(call, { maxLength: 80 }), check), { numRuns: 200 });
});

test('a map is read whole while others write, and after they were killed', async () => {
  const memory = sharedMemory();
  SharedHashMap.create(memory, 'map', { capacity: 32, keyBytes: 8, valueBytes: 64 });
  const map = SharedHashMap.open(memory, 'map');
  map.set('stays', Buffer.alloc(64, 7));
  for (const start of [worker, nodeProcess]) {
    const peers = [start(memory, 'map', 'map', 'a'), start(memory, 'map', 'map', 'b')];
    await Promise.all(peers.map((peer) => peer.said()));
    let found = 0;
    const end = performance.now() + 50;
    while (performance.now() < end || found < 50) {
      expect(map.get('stays')?.equals(Buffer.alloc(64, 7))).toBe(true);
      const value = map.get(`${found % 2 === 0 ? 'a' : 'b'}${found % 20}`);
      if (value === undefined) continue;
      expect(value.every((byte) => byte === value[0])).toBe(true);
      expect(value).toHaveLength(value[0] as number);
      found++;
    }
    await Promise.all(peers.map((peer) => peer.kill()));
    // All of it can be used again.
    for (const prefix of ['a', 'b']) {
      for (let index = 0; index < 20; index++) map.delete(`${prefix}${index}`);
    }
    expect(map.size).toBe(1);
    for (let index = 0; index < 31; index++)
      expect(map.set(`n${index}`, Buffer.of(index))).toBe(true);
    expect(map.set('one more', Buffer.of(1))).toBe(false);
    expect(map.set('n5', Buffer.of(50))).toBe(true);
    expect(map.get('n5')).toEqual(Buffer.of(50));
    for (let index = 0; index < 31; index++) expect(map.delete(`n${index}`)).toBe(true);
  }
});

test('what a writer of a map left half done is made good', () => {
  const memory = sharedMemory();
  SharedHashMap.create(memory, 'map', { capacity: 3, keyBytes: 4, valueBytes: 4 });
  const map = SharedHashMap.open(memory, 'map');
  map.set('a', Buffer.of(1));
  const words = wordsOf(memory, 'map', 'HMAP');
  // Two entries that were filled and never linked, and a count that was not taken back.
  const entries = 64 + 4;
  for (const entry of [1, 2]) words[entries + entry * 7] = 1;
  words[32] = 3;
  words[6] = (9 << 8) | 99;
  expect(map.get('a')).toEqual(Buffer.of(1));
  expect(map.set('b', Buffer.of(2))).toBe(true);
  expect(map.size).toBe(2);
  expect([map.set('c', Buffer.of(3)), map.set('d', Buffer.of(4))]).toEqual([true, false]);
  // A chain that goes in a circle.
  for (let bucket = 64; bucket < 68; bucket++) words[bucket] = 1;
  words[entries + 1] = 1;
  words[entries + 2] = 0;
  expectShared(() => map.set('z', Buffer.of(1)), 'CORRUPT');
  words[64] = 77;
  words[65] = 77;
  words[66] = 77;
  words[67] = 77;
  expectShared(() => map.get('z'), 'CORRUPT');
});

test('arguments of a map', () => {
  const memory = sharedMemory();
  const options = { capacity: 4, keyBytes: 4, valueBytes: 4 };
  SharedHashMap.create(memory, 'map', options);
  const map = SharedHashMap.open(memory, 'map');
  expectRefusal(() => map.set('12345', Buffer.of(1)), RANGE, 'key');
  expectRefusal(() => map.get(''), RANGE, 'key');
  expectRefusal(() => map.get(5 as never), TYPE, 'key');
  expectRefusal(() => map.set('1', Buffer.alloc(5)), RANGE, 'value');
  expectRefusal(() => map.set('1', 'text' as never), TYPE, 'value');
  expectRefusal(
    () => SharedHashMap.create(memory, 'b', { ...options, capacity: 0 }),
    RANGE,
    'capacity',
  );
  expectRefusal(
    () => SharedHashMap.create(memory, 'b', { ...options, keyBytes: 0 }),
    RANGE,
    'keyBytes',
  );
});

test('kinds are told apart, and headers are looked at', () => {
  const memory = sharedMemory();
  SpscMessages.create(memory, 'messages', { capacity: 64 });
  const opens = [
    (name: string) => SeqLock.open(memory, name),
    (name: string) => Counters.open(memory, name),
    (name: string) => Histogram.open(memory, name),
    (name: string) => BroadcastRing.reader(memory, name),
    (name: string) => SharedHashMap.open(memory, name),
  ];
  for (const open of opens) {
    expectShared(() => open('messages'), 'LAYOUT');
    expectShared(() => open('nothing'), 'NOT_FOUND');
  }
  SeqLock.create(memory, 'SEQL', 4);
  Counters.create(memory, 'CNTR', 1);
  Histogram.create(memory, 'HIST');
  BroadcastRing.create(memory, 'CAST', { capacity: 2, recordBytes: 4 });
  SharedHashMap.create(memory, 'HMAP', { capacity: 1, keyBytes: 1, valueBytes: 1 });
  for (const [index, name] of ['SEQL', 'CNTR', 'HIST', 'CAST', 'HMAP'].entries()) {
    const words = wordsOf(memory, name, name);
    words[name === 'HIST' ? 0 : 1] = 2 ** 24;
    expectShared(() => opens[index]?.(name), 'CORRUPT');
  }
});
