/** Nodes, policies and placement, on whatever nodes this machine has; guests have two. */
import { Mapping } from 'nearmetal/memory';
import {
  allocateOnNode,
  allowedNodes,
  bind,
  distance,
  getPolicy,
  localTo,
  type MemoryPolicy,
  migratePages,
  movePages,
  nodeAt,
  nodes,
  policyOf,
  setHomeNode,
  setPolicy,
  setWeight,
  weights,
  whereIs,
} from 'nearmetal/numa';
import { expect, onTestFinished, test } from 'vitest';
import { native } from '../../lib/native.js';
import { nodesOf, setOf } from '../../lib/numa/node-set.js';
import type { Reader } from '../../lib/proc/read.js';
import { withHugepages } from '../support/hugepages.js';
import { evaluate } from '../support/nouring.js';
import { passes } from '../support/process.js';
import { expectRefusal, RANGE, TYPE, VALUE } from '../support/ring.js';

const PAGE = 4096;
const HUGE = 2 * 2 ** 20;
const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const known = nodes();
const ids = known.map(({ id }) => id);
const missing = Math.max(...ids) + 1;

function having(files: Record<string, string>): Reader {
  return {
    text: (path) => files[path],
    names: (path) => [
      ...new Set(
        Object.keys(files)
          .filter((file) => file.startsWith(`${path}/`))
          .map((file) => file.slice(path.length + 1).split('/')[0] ?? ''),
      ),
    ],
  };
}

test('the nodes of this machine', () => {
  for (const node of known) {
    expect(node.distances.get(node.id)).toBe(10);
    expect(node.total).toBeGreaterThanOrEqual(node.free);
    expect(node.hugepages.map(({ size }) => size)).toContain(HUGE);
    expect(distance(node.id, node.id)).toBe(10);
  }
  const [cpu] = known.flatMap(({ cpus }) => cpus);
  expect(ids).toContain(localTo(cpu ?? 0));
});

test('nodes without memory, and machines without nodes', () => {
  const root = '/sys/devices/system/node';
  const two = having({
    [`${root}/node0/meminfo`]: 'Node 0 MemTotal: 0 kB\nNode 0 MemFree: 0 kB\n',
    [`${root}/node0/cpulist`]: '0-3\n',
    [`${root}/node0/distance`]: '10 30 20\n',
    [`${root}/node1/meminfo`]: 'Node 1 MemTotal: 900 kB\nNode 1 MemFree: 100 kB\n',
    [`${root}/node1/cpulist`]: '4-5\n',
    [`${root}/node1/distance`]: '30 10 20\n',
    [`${root}/node4/meminfo`]:
      'Node 4 MemTotal: 800 kB\nNode 4 MemFree: 100 kB\nNode 4 FilePages: 50 kB\n' +
      'Node 4 Shmem: 20 kB\nNode 4 SReclaimable: 7 kB\n',
    [`${root}/node4/cpulist`]: '\n',
    [`${root}/node4/distance`]: '20 20 10\n',
    '/sys/devices/system/cpu/online': '0-5\n',
  });
  expect(nodes(two)).toMatchObject([
    { id: 0, cpus: [0, 1, 2, 3], total: 0 },
    { id: 1, cpus: [4, 5], total: 921_600 },
    { id: 4, cpus: [], available: 137 * 1024 },
  ]);
  expect(localTo(2, two)).toBe(4);
  expect(localTo(5, two)).toBe(1);
  expect(distance(0, 4, two)).toBe(20);
  expectRefusal(() => distance(0, 2, two), RANGE, 'one of 0, 1, 4');
  expectRefusal(() => localTo(6, two), RANGE, 'online: 0-5');
  const none = having({
    '/proc/meminfo': 'MemTotal: 100 kB\nMemFree: 50 kB\nMemAvailable: 80 kB\n',
    '/sys/devices/system/cpu/online': '0-1\n',
  });
  expect(nodes(none)).toMatchObject([{ id: 0, cpus: [0, 1], total: 102_400, available: 81_920 }]);
});

test('sets of nodes', () => {
  const some = [0, 1, 7, 8, 63, 64, 1023];
  expect(nodesOf(setOf(some))).toEqual(some);
  expect(setOf([9])[1]).toBe(2);
});

const [one = 0] = ids;
const policies: MemoryPolicy[] = [
  { policy: 'bind', nodes: [one] },
  { policy: 'preferred', nodes: [one] },
  { policy: 'interleave', nodes: ids },
  { policy: 'preferred-many', nodes: ids },
  { policy: 'weighted-interleave', nodes: ids },
  { policy: 'bind', nodes: [one], staticNodes: true },
  { policy: 'interleave', nodes: [one], relativeNodes: true },
  { policy: 'bind', nodes: [one], numaBalancing: true },
  { policy: 'local' },
  { policy: 'default' },
];

test.each(policies)('policy %o is what the kernel then says', (policy) => {
  using mapping = Mapping.anonymous({ size: 8 * PAGE, populate: false });
  onTestFinished(() => setPolicy({ policy: 'default' }));
  bind(mapping, policy);
  expect(policyOf(mapping)).toEqual(policy);
  setPolicy(policy);
  expect(getPolicy()).toEqual(policy);
  mapping.populate();
  expect([...whereIs(mapping).values()].reduce((sum, count) => sum + count, 0)).toBe(8);
});

test('a part has a policy of its own', () => {
  using mapping = Mapping.anonymous({ size: 4 * PAGE });
  bind(mapping, { policy: 'bind', nodes: [one] }, { offset: PAGE, length: 2 * PAGE });
  expect(policyOf(mapping)).toEqual({ policy: 'default' });
  expect(policyOf(mapping, { offset: 2 * PAGE })).toEqual({ policy: 'bind', nodes: [one] });
  bind(mapping, { policy: 'bind', nodes: [one] }, { strict: true, move: true, moveAll: true });
  expect(nodeAt(mapping, { offset: 3 * PAGE })).toBe(one);
});

test('home nodes', () => {
  using mapping = Mapping.anonymous({ size: 4 * PAGE, populate: false });
  expect(() => setHomeNode(mapping, one)).toThrow(code('ENOENT'));
  bind(mapping, { policy: 'bind', nodes: [one] });
  setHomeNode(mapping, one);
  bind(mapping, { policy: 'interleave', nodes: [one] });
  expect(() => setHomeNode(mapping, one)).toThrow(code('EOPNOTSUPP'));
});

test('pages are counted where they are, and nowhere when they are not there', () => {
  using mapping = Mapping.anonymous({ size: 100 * PAGE, populate: false });
  mapping.advise('nohugepage');
  expect(whereIs(mapping).size).toBe(0);
  for (const page of [0, 1, 50]) mapping.bytes[page * PAGE] = 1;
  expect([...whereIs(mapping).values()]).toEqual([3]);
  expect([...whereIs(mapping, { offset: 50 * PAGE }).values()]).toEqual([1]);
});

test('pages move, and those that cannot say why', () => {
  using mapping = Mapping.anonymous({ size: 20 * PAGE, populate: false });
  mapping.advise('nohugepage');
  for (const page of [3, 4]) mapping.bytes[page * PAGE] = page;
  const moved = movePages(mapping, one);
  expect([...moved.nodes]).toEqual([[one, 2]]);
  expect([...moved.errors]).toEqual([['ENOENT', 18]]);
  const seen: number[] = [];
  movePages(
    mapping,
    (page) => {
      seen.push(page);
      return one;
    },
    { offset: 2 * PAGE, length: 3 * PAGE, all: true },
  );
  expect(seen).toEqual([2, 3, 4]);
  expect(mapping.bytes[3 * PAGE]).toBe(3);
  expect(migratePages(0, ids, ids)).toBe(0);
});

test('memory of one node, of every size of page', async (context) => {
  using ordinary = allocateOnNode(one, { size: 64 * PAGE });
  expect([...whereIs(ordinary)]).toEqual([[one, 64]]);
  ordinary.bytes.fill(1);
  using locked = allocateOnNode(one, { size: PAGE, locked: true, name: 'on a node' });
  expect(locked.mincore()).toEqual(new Uint8Array([1]));
  using transparent = allocateOnNode(one, { size: HUGE, hugePage: 'transparent' });
  expect(transparent.backing).toBe('transparent');
  await withHugepages(context, HUGE, 2, () => {
    using mapping = allocateOnNode(one, { size: 2 * HUGE, hugePage: '2MiB' });
    expect([...whereIs(mapping)]).toEqual([[one, 2]]);
    const full = (): Mapping => allocateOnNode(one, { size: HUGE, hugePage: '2MiB' });
    expect(full).toThrow(code('ENOMEM'));
    using other = allocateOnNode(one, { size: HUGE, hugePage: '2MiB', orElse: 'transparent' });
    expect(other.backing).toBe('transparent');
    using plain = allocateOnNode(one, { size: HUGE, hugePage: '2MiB', orElse: 'ordinary' });
    expect(plain.backing).toBe('ordinary');
  });
});

test('weights', () => {
  const before = weights();
  if (before === undefined) {
    expect(() => setWeight(one, 2)).toThrow(code('ERR_NEARMETAL_UNSUPPORTED'));
    return;
  }
  const now = before.get(one) ?? 1;
  try {
    setWeight(one, now === 7 ? 8 : 7);
    expect(weights()?.get(one)).toBe(now === 7 ? 8 : 7);
  } finally {
    setWeight(one, now);
  }
});

test('nodes outside the cpuset are refused as a whole, with what is allowed', () => {
  const seam = native.seam;
  expect(allowedNodes()).toEqual(ids);
  if (seam === undefined) return;
  using mapping = Mapping.anonymous({ size: PAGE });
  // EINVAL of the kernel, where it cannot be asked for the set beforehand.
  seam.fail(239, 1, 1, 1);
  seam.fail(237, 1, 1, 22);
  try {
    bind(mapping, { policy: 'bind', nodes: [one] });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'mbind' });
  } finally {
    seam.reset();
  }
});

test('a seccomp profile that refuses NUMA calls is an error that says so', () => {
  const source = `
    import { Mapping } from 'nearmetal/memory';
    import * as numa from 'nearmetal/numa';
    const mapping = Mapping.anonymous({ size: 4096 });
    const attempt = (call) => { try { call(); return 'done'; } catch (error) {
      return [error.code, error.syscall, error.hint]; } };
    const node = numa.nodes()[0].id;
    console.log(JSON.stringify([
      attempt(() => numa.bind(mapping, { policy: 'bind', nodes: [node] })),
      attempt(() => numa.setPolicy({ policy: 'local' })),
      attempt(() => numa.getPolicy()),
      attempt(() => numa.whereIs(mapping)),
      attempt(() => numa.migratePages(0, [node], [node])),
      attempt(() => numa.allocateOnNode(node, { size: 4096 })),
      attempt(() => numa.setHomeNode(mapping, node)),
      attempt(() => mapping.bytes.fill(1)),
    ]));
  `;
  const calls = [237, 238, 239, 256, 279, 450];
  for (const [errno, name] of [
    [1, 'EPERM'],
    [38, 'ENOSYS'],
  ] as const) {
    const found = evaluate(source, { refuse: { calls, errno } }) as [string, string, string][];
    expect(found.map((each) => each[0])).toEqual([...Array(7).fill(name), 'd']);
    expect(found.slice(0, 5).map((each) => each[1])).toEqual([
      'mbind',
      'set_mempolicy',
      'get_mempolicy',
      'move_pages',
      'migrate_pages',
    ]);
    for (const each of found.slice(0, 7)) expect(each[2]).toMatch(/seccomp blocks/);
    expect(found[0]?.[2]).toContain('--cap-add SYS_NICE');
    expect(found[3]?.[2]).toContain('never allows it');
  }
});

test('wrong arguments', () => {
  using mapping = Mapping.anonymous({ size: 2 * PAGE });
  const refused = (policy: object) => () => bind(mapping, policy as MemoryPolicy);
  expectRefusal(refused({ policy: 'near' }), VALUE, '"policy.policy"');
  expectRefusal(refused({ policy: 'bind' }), TYPE, '"policy.nodes"');
  expectRefusal(refused({ policy: 'bind', nodes: [] }), VALUE, '"policy.nodes"');
  expectRefusal(refused({ policy: 'local', nodes: [0] }), VALUE, '"policy.nodes"');
  expectRefusal(refused({ policy: 'preferred', nodes: [one, one] }), VALUE, 'one node');
  expectRefusal(refused({ policy: 'bind', nodes: [missing] }), RANGE, '"policy.nodes[0]"');
  expectRefusal(refused({ policy: 'bind', nodes: ['0'] }), TYPE, '"policy.nodes[0]"');
  expectRefusal(refused({ policy: 'bind', node: 0 }), VALUE, '"node"');
  expectRefusal(refused({ policy: 'bind', nodes: [one], staticNodes: 1 }), TYPE, 'staticNodes');
  expectRefusal(() => bind({} as never, { policy: 'local' }), TYPE, '"mapping"');
  expectRefusal(() => bind(mapping, { policy: 'local' }, { offset: 1 }), VALUE, '"offset"');
  expectRefusal(() => allocateOnNode(missing, { size: 1 }), RANGE, '"node"');
  expectRefusal(() => allocateOnNode(one, { size: 0 }), RANGE, '"size"');
  expectRefusal(() => movePages(mapping, missing), RANGE, '"node"');
  expectRefusal(() => movePages(mapping, () => missing), RANGE, '"node"');
  expectRefusal(() => migratePages(-1, [one], [one]), RANGE, '"process"');
  expectRefusal(() => migratePages(0, [missing], [one]), RANGE, '"from[0]"');
  expectRefusal(() => migratePages(0, [one], 0 as never), TYPE, '"to"');
  expect(() => migratePages(2 ** 22 - 1, [one], [one])).toThrow(code('ESRCH'));
  expectRefusal(() => setWeight(missing, 1), RANGE, '"node"');
  expectRefusal(() => setWeight(one, 256), RANGE, '"weight"');
  expectRefusal(() => setHomeNode(mapping, missing), RANGE, '"node"');
  mapping.dispose();
  expectRefusal(() => whereIs(mapping), TYPE, '"mapping"');
});

test.each(['distances', 'ratios', 'policies', 'workers'])('across nodes: %s', (scene) =>
  passes('nodes', [scene]),
);
