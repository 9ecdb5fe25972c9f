/** Sets of CPUs: what they read and print, their algebra, and how large they may be. */
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { CpuSet } from '../../lib/cpu/set.js';

/** Random sets from a seed, so that a failure can be repeated. */
function* randomSets(seed: number, count: number): Generator<Set<number>> {
  let state = seed;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
  for (let each = 0; each < count; each++) {
    const width = [8, 53, 64, 300, 4096][next(5)] ?? 8;
    yield new Set(Array.from({ length: next(40) }, () => next(width)));
  }
}

const sorted = (cpus: Iterable<number>) => [...cpus].sort((a, b) => a - b);

test('reads the list format, strides too', () => {
  expect(CpuSet.parse('0-3,8').toArray()).toEqual([0, 1, 2, 3, 8]);
  expect(CpuSet.parse(' 1, 3 \n').toArray()).toEqual([1, 3]);
  expect(CpuSet.parse('').toArray()).toEqual([]);
  expect(CpuSet.parse('0-15:2/8').toArray()).toEqual([0, 1, 8, 9]);
  expect(CpuSet.parse('127-130,65535').toArray()).toEqual([127, 128, 129, 130, 65535]);
});

test('prints it as the kernel does', () => {
  expect(`${CpuSet.of(8, 3, 2, 1, 0, 10)}`).toBe('0-3,8,10');
  expect(`${CpuSet.empty}`).toBe('');
  expect(JSON.stringify({ cpus: CpuSet.of(64, 65, 200) })).toBe('{"cpus":"64-65,200"}');
  expect(inspect(CpuSet.of(1, 2))).toBe('CpuSet(2) { 1-2 }');
});

test('reads and prints masks', () => {
  expect(CpuSet.parseMask('ff').toArray()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(`${CpuSet.parseMask('1,00000000,80000001\n')}`).toBe('0,31,64');
  expect(`${CpuSet.parseMask('0x100000001')}`).toBe('0,32');
  expect(CpuSet.of(0, 31, 64).toMask()).toBe('1,00000000,80000001');
  expect(CpuSet.empty.toMask()).toBe('0');
});

test.each(['x', '3-1', '1-', '-1', '1,,2', '0-7:3/2', '0-7:1/0', '1.5', '0x1'])(
  'refuses the list %j',
  (list) => {
    expect(() => CpuSet.parse(list)).toThrow(/must be in the kernel's list format/);
  },
);

test.each(['', 'g', '1,123456789', '1,,2', 'f'.repeat(20_000)])(
  'refuses a mask like %j',
  (mask) => {
    expect(() => CpuSet.parseMask(mask)).toThrow(/must be in the kernel's mask format/);
  },
);

test.each([-1, 1.5, Number.NaN, Infinity, 65536, 2 ** 32, '1', null])(
  'refuses the CPU %j',
  (cpu) => {
    expect(() => CpuSet.of(cpu as number)).toThrow(/"cpu"/);
    expect(CpuSet.of(0, 1, 2, 3).has(cpu as number)).toBe(false);
  },
);

test.each([null, undefined, {}, true, Symbol('x'), 1n])('is not made from %s', (value) => {
  expect(() => CpuSet.from(value as never)).toThrow(TypeError);
});

test('the algebra is that of sets, at any width', () => {
  const seed = 20;
  const sets = [...randomSets(seed, 60)];
  for (const [index, mine] of sets.entries()) {
    const theirs = sets[(index * 7 + 3) % sets.length] as Set<number>;
    const [a, b] = [CpuSet.from(mine), CpuSet.from(theirs)];
    const label = `seed ${seed}, ${a} and ${b}`;
    expect(a.toArray(), label).toEqual(sorted(mine));
    expect(a.size, label).toBe(mine.size);
    expect(a.union(b).toArray(), label).toEqual(sorted(new Set([...mine, ...theirs])));
    const both = [...mine].filter((cpu) => theirs.has(cpu));
    const only = [...mine].filter((cpu) => !theirs.has(cpu));
    const others = [...theirs].filter((cpu) => !mine.has(cpu));
    expect(a.intersection(b).toArray(), label).toEqual(sorted(both));
    expect(a.difference(b).toArray(), label).toEqual(sorted(only));
    expect(a.symmetricDifference(b).toArray(), label).toEqual(sorted([...only, ...others]));
    expect(a.isSubsetOf(b), label).toBe(only.length === 0);
    expect(a.isSupersetOf(b), label).toBe(others.length === 0);
    expect(a.isDisjointFrom(b), label).toBe(both.length === 0);
    expect(a.equals(b), label).toBe(only.length + others.length === 0);
    expect(a.first, label).toBe(sorted(mine)[0]);
    expect(a.last, label).toBe(sorted(mine).at(-1));
    expect(CpuSet.parse(`${a}`).equals(a), label).toBe(true);
    expect(CpuSet.parseMask(a.toMask()).equals(a), label).toBe(true);
  }
});

test('is not sent empty to another thread', () => {
  expect(() => structuredClone(CpuSet.of(1))).toThrow(/sendItsListInstead/);
});

test('says what it has, and filters', () => {
  const set = CpuSet.parse('0-99');
  expect([set.has(99), set.has(100), set.isEmpty, CpuSet.empty.isEmpty]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(`${set.filter((cpu) => cpu % 50 === 0)}`).toBe('0,50');
  expect(CpuSet.from(set)).toBe(set);
});
