/** Each policy on machines of several shapes; no CPU twice, none that is not allowed. */
import { expect, test } from 'vitest';
import { allowedCpus, type PlacementPolicy, place } from '../../lib/cpu/index.js';
import { readTopology } from '../../lib/cpu/topology.js';
import { MACHINES, readerOf } from '../support/machines.js';

const machine = (name: keyof typeof MACHINES) => readTopology(readerOf(MACHINES[name]()));
const placed = (name: keyof typeof MACHINES, policy: PlacementPolicy, count?: number) =>
  place({ policy, topology: machine(name), ...(count && { count }) }).map(String);

test('cpu: in order of number, those allowed only', () => {
  expect(placed('server', 'cpu', 3)).toEqual(['0', '1', '2']);
  expect(placed('server', 'cpu')).toHaveLength(28);
  expect(placed('holes', 'cpu')).toEqual(['0', '3', '4', '5', '6', '200']);
});

test('core: whole cores', () => {
  expect(placed('server', 'core').slice(0, 3)).toEqual(['0,16', '1,17', '2,18']);
  expect(placed('server', 'core')).toHaveLength(14);
  expect(placed('hybrid', 'core').slice(3, 6)).toEqual(['6-7', '8', '9']);
});

test('packed: threads of a core first, then what shares its cache', () => {
  expect(placed('server', 'packed', 10)).toEqual([
    ...['0', '16', '1', '17', '2', '18', '3', '19'],
    ...['4', '20'],
  ]);
});

test('spread: packages first, then caches; second threads last', () => {
  expect(placed('server', 'spread', 8)).toEqual(['0', '8', '4', '12', '1', '9', '5', '13']);
  const all = placed('server', 'spread').map(Number);
  expect(all.slice(0, 14).every((cpu) => cpu < 16)).toBe(true);
  expect(all.slice(14).every((cpu) => cpu >= 16)).toBe(true);
  expect(placed('clusters', 'spread', 3)).toEqual(['0', '4', '8']);
});

test('node: all of a node, in turn; those without CPUs are left out', () => {
  expect(placed('server', 'node', 3)).toEqual(['0-7,16-23', '8-13,24-29', '0-7,16-23']);
  expect(placed('holes', 'node')).toEqual(['0,3-6,200']);
});

test('no CPU twice, and none outside of what is allowed', () => {
  for (const name of Object.keys(MACHINES) as (keyof typeof MACHINES)[]) {
    for (const policy of ['cpu', 'core', 'packed', 'spread', 'node'] as const) {
      const sets = place({ policy, topology: machine(name) });
      const all = sets.flatMap((set) => [...set]);
      expect(new Set(all).size, `${name} ${policy}`).toBe(all.length);
      expect(all.every((cpu) => machine(name).allowed.has(cpu))).toBe(true);
    }
  }
});

test('among: a part of what is allowed', () => {
  const topology = machine('hybrid');
  const [fast] = topology.kinds;
  const sets = place({ policy: 'core', topology, among: fast?.cpus ?? '' });
  expect(sets.map(String)).toEqual(['0-1', '2-3', '4-5', '6-7']);
});

test('what cannot be done exactly is refused', () => {
  const topology = machine('server');
  expect(() => place({ policy: 'core', count: 15, topology })).toThrow(/>= 1 && <= 14/);
  expect(() => place({ policy: 'cpu', among: '13-14', topology })).toThrow(/14 is not/);
  expect(() => place({ policy: 'cpu', among: '', topology })).toThrow(/must have a CPU/);
  expect(() => place({ policy: 'dense' as never })).toThrow(/must be one of/);
  expect(() => place({ policy: 'cpu', counts: 1 } as never)).toThrow(/no option "counts"/);
});

test('on this machine', () => {
  const sets = place({ policy: 'cpu' });
  expect(sets.map((set) => set.first)).toEqual(allowedCpus().toArray());
});
