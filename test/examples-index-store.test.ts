/** The memory of the index among the examples: both of its indexes against a Map and a sort. */
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { Store } from '../examples/index/store.js';
import { scan, scanBack } from '../examples/index/tree/scan.js';
import { pattern } from './support/ring.js';

const RUNS = Number(process.env.NEARMETAL_INDEX_RUNS ?? 60);

function open(mebibytes = 16): Store {
  const store = new Store(mebibytes * 2 ** 20, '4KiB');
  onTestFinished(() => store.close());
  return store;
}

const keyOf = (store: Store, place: number): string =>
  store.records.bytes.toString(
    'latin1',
    store.records.keyStart(place),
    store.records.keyStart(place) + store.records.keyLength(place),
  );
const textOf = (store: Store, place: number): string => {
  const start = store.records.valueStart(place);
  return store.records.bytes.toString('latin1', start, start + store.records.valueLength(place));
};

/** Everything as the scan finds it. */
function all(store: Store): [string, string][] {
  const found: [string, string][] = [];
  scan(store.tree, 0, 0, (place) => void found.push([keyOf(store, place), textOf(store, place)]));
  return found;
}

/** Where two long lists first differ. */
function difference(ours: [string, string][], theirs: [string, string][]): unknown {
  const length = Math.max(ours.length, theirs.length);
  for (let at = 0; at < length; at++) {
    if (ours[at]?.[0] !== theirs[at]?.[0] || ours[at]?.[1] !== theirs[at]?.[1]) {
      return { at, ours: ours[at], theirs: theirs[at] };
    }
  }
  return undefined;
}

const byBytes = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1);

/** Latin-1 texts: each letter a byte. Few letters, so that keys are alike. */
const word = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'ÿ'), minLength: 1, maxLength: 6 }),
  fc
    .nat(400)
    .map((number) => `a long prefix that many keys have, longer than a node keeps:${number}`),
  fc.nat(2000).map((number) => String(number).padStart(8, '0')),
);
const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put: word, value: fc.string({ maxLength: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ delete: word }) },
  { weight: 1, arbitrary: fc.record({ from: word, to: word }) },
);

test('index: random changes leave what a Map has, in order, both ways', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 1500, size: 'max' }), (steps) => {
      const store = new Store(16 * 2 ** 20, '4KiB');
      const model = new Map<string, string>();
      for (const one of steps) {
        if ('put' in one) {
          const value = Buffer.from(one.value);
          store.put(bytesOf(one.put), value);
          model.set(one.put, value.toString('latin1'));
        } else if ('delete' in one) {
          expect(store.delete(bytesOf(one.delete))).toBe(model.delete(one.delete));
        } else {
          const wanted = [...model.keys()].filter((key) => key >= one.from && key < one.to).sort();
          const [from, to] = [store.records.takeStage(), store.records.takeStage()];
          store.records.stage(from, bytesOf(one.from));
          store.records.stage(to, bytesOf(one.to));
          const found: string[] = [];
          scan(store.tree, from, to, (place) => void found.push(keyOf(store, place)));
          expect(found).toEqual(wanted);
          found.length = 0;
          scanBack(store.tree, from, to, (place) => void found.push(keyOf(store, place)));
          expect(found).toEqual(wanted.reverse());
          store.records.giveStage(from);
          store.records.giveStage(to);
        }
      }
      expect(all(store)).toEqual([...model].sort(byBytes));
      for (const [key, value] of model) {
        const place = store.find(bytesOf(key));
        expect(place && textOf(store, place)).toBe(value);
      }
      for (const key of model.keys()) expect(store.delete(bytesOf(key))).toBe(true);
      expect([store.count, all(store)]).toEqual([0, []]);
      store.close();
    }),
    { numRuns: RUNS },
  );
});

test('index: each bucket runs over, empties and runs over again', () => {
  const store = open();
  const byBucket = Array.from({ length: 64 }, (): string[] => []);
  for (let at = 0; byBucket.some((keys) => keys.length < 16); at++) {
    store.records.stage(store.key, `key ${at}`);
    byBucket[store.records.hash(store.key) & 63]?.push(`key ${at}`);
  }
  for (const keys of byBucket) {
    const some = keys.slice(0, 16);
    for (const round of [1, 2]) {
      for (const key of some) store.put(key, Buffer.from(`${key} ${round}`));
      for (const key of some) expect(textOf(store, store.find(key))).toBe(`${key} ${round}`);
      for (const key of some) expect(store.delete(key)).toBe(true);
    }
  }
  expect([store.count, all(store)]).toEqual([0, []]);
});

test('index: what comes and goes by the hundred thousand gives its memory back', () => {
  const store = open(64);
  const before = store.blocks.inUse;
  const model = new Map<string, string>();
  const order = pattern(400_000, 7);
  const keys = Array.from(
    { length: 100_000 },
    (_, at) => `key ${order[at * 4]! * 65_536 + order[at * 4 + 1]! * 256 + order[at * 4 + 2]!}`,
  );
  for (let round = 0; round < 3; round++) {
    for (const [at, key] of keys.entries()) {
      const value = `value ${round} ${'x'.repeat(at % 50)}`;
      store.put(key, Buffer.from(value));
      model.set(key, value);
      if (at % 3 === round) {
        const gone = keys[at >> 1]!;
        expect(store.delete(gone)).toBe(model.delete(gone));
      }
    }
    expect(difference(all(store), [...model].sort(byBytes))).toBeUndefined();
  }
  const used = store.blocks.inUse;
  for (const key of model.keys()) store.delete(key);
  expect([store.count, all(store)]).toEqual([0, []]);
  // A root that may have no key, and the stages of keys.
  expect(store.blocks.inUse - before).toBeLessThan(used / 1000);
  expect(store.buckets.count).toBe(0);
});

test('index: what is built in order is what is inserted, and can be changed', () => {
  const store = open(64);
  const entries = Array.from({ length: 60_000 }, (_, at): [string, string] => [
    `entry ${String(at * 2).padStart(7, '0')}`,
    `value ${at}`,
  ]);
  const builder = store.build();
  for (const [key, value] of entries) expect(builder.add(key, Buffer.from(value))).toBe(true);
  expect(builder.add('entry 0000001', Buffer.alloc(0))).toBe(false);
  builder.end();
  expect(difference(all(store), entries)).toBeUndefined();
  const model = new Map(entries);
  for (let at = 0; at < 60_000; at += 7) {
    const key = `entry ${String(at * 2 + 1).padStart(7, '0')}`;
    store.put(key, Buffer.from('between'));
    model.set(key, 'between');
    const gone = entries[(at * 5) % 60_000]![0];
    expect(store.delete(gone)).toBe(model.delete(gone));
  }
  expect(difference(all(store), [...model].sort(byBytes))).toBeUndefined();
  store.clear();
  expect([store.count, all(store)]).toEqual([0, []]);
  store.put('after', Buffer.from('all'));
  expect(all(store)).toEqual([['after', 'all']]);
});

test('index: memory that is full refuses, and has what it had', () => {
  const store = open(16);
  const value = Buffer.alloc(3000, 'v');
  let count = 0;
  expect(() => {
    for (;;) {
      store.put(`key ${count}`, value);
      count++;
    }
  }).toThrow('all 16 MiB are in use');
  expect(count).toBeGreaterThan(3000);
  expect(all(store)).toHaveLength(count);
  for (let at = 0; at < count; at++) expect(store.delete(`key ${at}`)).toBe(true);
  for (let at = 0; at < count; at++) store.put(`another ${at}`, value);
  expect(store.count).toBe(count);
});

test('index: keys and values have bounds, and strange keys are keys', () => {
  const store = open();
  expect(() => store.put('', Buffer.alloc(1))).toThrow('key must be 1 to 1024 bytes long');
  expect(() => store.put('k'.repeat(1025), Buffer.alloc(1))).toThrow(RangeError);
  expect(() => store.put('ü'.repeat(600), Buffer.alloc(1))).toThrow(RangeError);
  const keys = ['ü', 'ü'.repeat(512), '\0', '\0\0', 'k'.repeat(1024), '\u{10ffff}'];
  for (const key of keys) store.put(key, Buffer.from(key));
  for (const key of keys) {
    expect(textOf(store, store.find(key))).toBe(Buffer.from(key).toString('latin1'));
    expect(store.find(Buffer.from(key))).toBe(store.find(key));
  }
});

test('index: copies are of all lengths, apart from each other and from the memory', () => {
  const store = open();
  const { records } = store;
  const keyAt = (length: number): string => `k${'x'.repeat(length % 7)}${length}`;
  const lengths = [...Array.from({ length: 1200 }, (_, length) => length), 8191, 8192, 65_536];
  for (const length of lengths) store.put(keyAt(length), pattern(length, length + 1));
  const copies = lengths.map((length) => {
    const place = store.find(keyAt(length));
    return [records.entry(place), records.value(place)] as const;
  });
  // Neither what becomes of the memory, nor of the copy before it, is to be seen in one.
  for (const length of lengths) store.put(keyAt(length), Buffer.alloc(length, 0xee));
  for (const [at, length] of lengths.entries()) {
    const [{ key, value }, alone] = copies[at] as (typeof copies)[number];
    expect(key.toString()).toBe(keyAt(length));
    const expected = Buffer.from(pattern(length, length + 1));
    expect([length, value.equals(expected), alone.equals(expected)]).toEqual([length, true, true]);
    for (const copy of [key, value, alone]) copy.fill(0xff);
  }
});
