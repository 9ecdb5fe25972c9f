/** Where keys belong: as other implementations of jump hashing say, evenly, and with few moves. */
import { rendezvousOf, shardOf } from 'nearmetal/workers';
import { expect, test } from 'vitest';
import { expectRefusal, RANGE, TYPE, VALUE } from '../support/ring.js';

const MASK = (1n << 64n) - 1n;

/** The algorithm as its paper has it, in 64-bit arithmetic. */
function jump(key: bigint, count: number): number {
  let state = key & MASK;
  let shard = -1;
  let next = 0;
  while (next < count) {
    shard = next;
    state = (state * 2_862_933_555_777_941_757n + 1n) & MASK;
    next = Math.floor((shard + 1) * (2 ** 31 / Number((state >> 33n) + 1n)));
  }
  return shard;
}

function fnv(bytes: Uint8Array): bigint {
  let hash = 0xcbf2_9ce4_8422_2325n;
  for (const octet of bytes) hash = ((hash ^ BigInt(octet)) * 0x100_0000_01b3n) & MASK;
  return hash;
}

test('numbers go where the published algorithm sends them', () => {
  // From the tests of other implementations.
  expect(shardOf(1, 1)).toBe(0);
  expect(shardOf(42, 57)).toBe(43);
  expect(shardOf(0xdead10cc, 1)).toBe(0);
  expect(shardOf(0xdead10cc, 666)).toBe(361);
  expect(shardOf(256, 1024)).toBe(520);
  let state = 88_172_645_463_325_252n;
  for (let turn = 0; turn < 2000; turn++) {
    state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & MASK;
    const count = 1 + Number(state % 5000n);
    expect(shardOf(state, count)).toBe(jump(state, count));
    const small = Number(state >> 11n);
    expect(shardOf(small, count)).toBe(jump(BigInt(small), count));
  }
  expect(shardOf(-1n, 1000)).toBe(jump(MASK, 1000));
});

test('text and bytes go through FNV-1a', () => {
  for (const key of ['', 'a', 'foobar', 'Grüße', '鍵', 'x'.repeat(1000), '\u{1f511}é']) {
    const bytes = new TextEncoder().encode(key);
    expect(shardOf(key, 1000)).toBe(jump(fnv(bytes), 1000));
    expect(shardOf(bytes, 1000)).toBe(shardOf(key, 1000));
  }
});

test('every shard gets its part, and few keys move when there is one more', () => {
  const counts = new Array<number>(10).fill(0);
  let moved = 0;
  for (let index = 0; index < 20_000; index++) {
    const shard = shardOf(`user:${index}`, 10);
    counts[shard] = (counts[shard] as number) + 1;
    const after = shardOf(`user:${index}`, 11);
    if (after === shard) continue;
    moved++;
    expect(after).toBe(10);
  }
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(250);
  expect(Math.abs(moved - 20_000 / 11)).toBeLessThan(250);
});

test('rendezvous: by weight, and only the keys of one that goes move', () => {
  const nodes = [
    { id: 'one' },
    { id: 'two', weight: 2 },
    { id: 'three', weight: 1 },
    { id: 'none', weight: 0 },
  ];
  const counts = new Map<string, number>();
  const fewer = nodes.filter(({ id }) => id !== 'two');
  for (let index = 0; index < 20_000; index++) {
    const { id } = rendezvousOf(`key ${index}`, nodes);
    counts.set(id, (counts.get(id) ?? 0) + 1);
    const after = rendezvousOf(`key ${index}`, fewer);
    if (id !== 'two') expect(after.id).toBe(id);
    expect(rendezvousOf(`key ${index}`, [...nodes].reverse()).id).toBe(id);
  }
  expect([...counts.keys()].sort()).toEqual(['one', 'three', 'two']);
  expect(Math.abs((counts.get('two') as number) - 10_000)).toBeLessThan(500);
  expect(Math.abs((counts.get('one') as number) - 5000)).toBeLessThan(400);
});

test('what is no key, and what there is nobody for', () => {
  expectRefusal(() => shardOf(-1, 2), RANGE, 'key');
  expectRefusal(() => shardOf(1.5, 2), RANGE, 'key');
  expectRefusal(() => shardOf({} as never, 2), TYPE, 'key');
  expectRefusal(() => shardOf('x', 0), RANGE, 'count');
  expectRefusal(() => rendezvousOf('x', []), VALUE, 'nodes');
  expectRefusal(() => rendezvousOf('x', [{ id: 'a', weight: 0 }]), VALUE, 'nodes');
  expectRefusal(() => rendezvousOf('x', [{ id: 'a', weight: -1 }]), VALUE, 'nodes[0].weight');
  expectRefusal(() => rendezvousOf('x', [{ id: 5 as never }]), TYPE, 'nodes[0].id');
  expectRefusal(() => rendezvousOf('x', 'a' as never), TYPE, 'nodes');
});
