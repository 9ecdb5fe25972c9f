/** The topology of machines that we do not have, and of this one; nothing unreadable throws. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus as nodeCpus } from 'node:os';
import { expect, test } from 'vitest';
import { getcpu, irqs, setIrqAffinity, topology } from '../../lib/cpu/index.js';
import { readTopology, type Topology } from '../../lib/cpu/topology.js';
import { type Files, MACHINES, readerOf } from '../support/machines.js';
import { thrownBy } from '../support/thrown.js';

const read = (files: Files) => readTopology(readerOf(files));
const lists = (groups: readonly { cpus: unknown }[]) => groups.map(({ cpus }) => `${cpus}`);
const caches = (machine: Topology, level: number) =>
  lists(machine.caches.filter((cache) => cache.level === level && cache.type !== 'instruction'));

test('one CPU', () => {
  const machine = read(MACHINES.single());
  expect(lists(machine.packages)).toEqual(['0']);
  expect(lists(machine.cores)).toEqual(['0']);
  expect([machine.dies, machine.clusters, machine.kinds]).toEqual([[], [], []]);
  expect(machine.caches.map(({ level, type, size }) => [level, type, size])).toEqual([
    [1, 'data', 32 * 1024],
    [1, 'instruction', 32 * 1024],
    [2, 'unified', 2 ** 20],
    [3, 'unified', 32 * 2 ** 20],
  ]);
});

test('two packages with two nodes and two threads', () => {
  const machine = read(MACHINES.server());
  expect(lists(machine.packages)).toEqual(['0-7,16-23', '8-15,24-31']);
  expect(lists(machine.cores).slice(0, 2)).toEqual(['0,16', '1,17']);
  expect(caches(machine, 3)).toEqual(['0-3,16-19', '4-7,20-23', '8-11,24-27', '12-15,28-31']);
  expect(machine.nodes.map(({ id, cpus, distances }) => [id, `${cpus}`, distances])).toEqual([
    [0, '0-7,16-23', [10, 21]],
    [1, '8-15,24-31', [21, 10]],
  ]);
  expect(machine.nodes[1]?.hugepages.find(({ size }) => size === 2 ** 21)).toMatchObject({
    total: 256,
    free: 128,
  });
  expect(`${machine.isolated} ${machine.nohzFull} ${machine.allowed}`).toBe(
    '14-15,30-31 14-15,30-31 0-13,16-29',
  );
  expect(machine.cpus.find(({ id }) => id === 30)).toMatchObject({
    package: 1,
    core: 14,
    node: 1,
    thread: 1,
    isolated: true,
    nohzFull: true,
  });
});

test('fast and slow cores', () => {
  const machine = read(MACHINES.hybrid());
  expect(machine.kinds.map(({ name, cpus, maxKhz }) => [name, `${cpus}`, maxKhz])).toEqual([
    ['performance', '0-7', 4_900_000],
    ['efficiency', '8-15', 3_800_000],
  ]);
  expect(caches(machine, 2)).toEqual(['0-1', '2-3', '4-5', '6-7', '8-11', '12-15']);
  expect(machine.cpus[0]).toMatchObject({ kind: 'performance', capacity: 1024 });
  expect(machine.cpus[9]?.frequency).toMatchObject({ minKhz: 400_000, governor: 'schedutil' });
});

test('clusters of arm64 in three kinds', () => {
  const machine = read(MACHINES.clusters());
  expect(lists(machine.clusters)).toEqual(['0-3', '4-7', '8-11']);
  expect(machine.kinds.map(({ name, capacity }) => [name, capacity])).toEqual([
    ['performance', 1024],
    ['middle', 871],
    ['efficiency', 444],
  ]);
});

test('holes in the numbers, and a node without CPUs', () => {
  const machine = read(MACHINES.holes());
  expect(`${machine.online} ${machine.offline}`).toBe('0,3-6,200 1-2,7');
  expect(lists(machine.cores)).toEqual(['0', '3', '4', '5', '6', '200']);
  expect(machine.nodes.map(({ cpus, total }) => [`${cpus}`, total])).toEqual([
    ['0,3-6,200', 16 * 2 ** 30],
    ['', 64 * 2 ** 30],
  ]);
  // '(null)' is no list.
  expect(machine.nohzFull.isEmpty).toBe(true);
});

test('a container without /sys: what /proc says', () => {
  const machine = read(MACHINES.container());
  expect(machine).toMatchObject({ model: 'Cloud CPU', caches: [], kinds: [] });
  expect(`${machine.online} ${machine.allowed}`).toBe('0-3 0-1');
  expect(lists(machine.cores)).toEqual(['0-1', '2-3']);
  expect(machine.nodes).toHaveLength(1);
});

test('nothing at all, and nonsense', () => {
  expect(`${read({}).online}`).toBe('0');
  const nonsense = Object.fromEntries(
    Object.keys(MACHINES.server()).map((path, index) => [
      path,
      ['', '\n', '(null)', '-1', 'x'.repeat(99), '9-1', '99999999', '0-65535'][index % 8] ?? '',
    ]),
  );
  const machine = read(nonsense);
  expect(machine.cpus.length).toBeGreaterThan(0);
  expect(() => JSON.stringify(machine)).not.toThrow();
});

test('every CPU is in one core, one package and one node, on every machine', () => {
  const all = [...Object.values(MACHINES).map((make) => read(make())), topology()];
  for (const machine of all) {
    for (const groups of [machine.cores, machine.packages, machine.nodes]) {
      const together = groups.flatMap(({ cpus }) => [...cpus]).sort((a, b) => a - b);
      expect(together).toEqual(machine.online.toArray());
    }
    for (const cpu of machine.cpus) {
      expect(machine.cores[cpu.core]?.cpus.has(cpu.id)).toBe(true);
      expect(machine.cores[cpu.core]?.cpus.toArray()[cpu.thread]).toBe(cpu.id);
    }
  }
});

test('this machine: as others see it', () => {
  const machine = topology();
  if (!existsSync('/sys/devices/system/cpu/online')) return;
  expect(`${machine.online}\n`).toBe(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
  expect(machine.online.size).toBe(nodeCpus().length);
  expect(machine.allowed.size).toBeGreaterThanOrEqual(availableParallelism());
  const { cpu, node } = getcpu();
  expect(machine.cpus.find(({ id }) => id === cpu)?.node).toBe(node);
});

test('as JSON the sets are lists', () => {
  const text = JSON.parse(JSON.stringify(read(MACHINES.server())));
  expect(text.packages[1]).toEqual({ id: 1, cpus: '8-15,24-31' });
  expect(text.online).toBe('0-31');
});

test('interrupts are read, and refusals to move one are typed', () => {
  for (const { irq, names, cpus } of irqs()) {
    expect(irq).toBeGreaterThanOrEqual(0);
    expect(names.every((name) => !name.includes('affinity'))).toBe(true);
    expect(cpus.isEmpty).toBe(false);
  }
  expect(thrownBy(() => setIrqAffinity(1_000_000, 0))).toMatchObject({ code: 'ENOENT' });
  expect(() => setIrqAffinity(-1, 0)).toThrow(/"irq"/);
  expect(() => setIrqAffinity(1, [])).toThrow(/at least one CPU/);
});

test('bad options', () => {
  expect(() => topology({ root: 1 as never })).toThrow(/options\.root/);
  expect(() => topology({ roots: '/' } as never)).toThrow(/no option "roots"/);
});
