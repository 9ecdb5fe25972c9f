/** Which CPUs to give to each of several threads: policies over the topology. */
import { integer, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { allowedCpus } from './affinity.js';
import { CpuSet, type CpuSetLike } from './set.js';
import { type Cpu, type Topology, topology } from './topology.js';

/**
 * 'cpu': one logical CPU each, in order of number. 'core': a whole core each, with all of its
 * logical CPUs. 'packed': one logical CPU each, as close together as can be. 'spread': one each,
 * as far apart as can be, second threads of a core last. 'node': all CPUs of a node each, the
 * nodes in turn.
 */
export type PlacementPolicy = 'cpu' | 'core' | 'packed' | 'spread' | 'node';

const POLICIES = ['cpu', 'core', 'packed', 'spread', 'node'] as const;

export interface PlacementOptions {
  policy: PlacementPolicy;
  /** How many threads. Default: as many as there are places. */
  count?: number;
  /** Use only these of the allowed CPUs: a kind's, a node's, or all but one. */
  among?: CpuSetLike;
  /** Default: this machine's. */
  topology?: Topology;
}

/**
 * One set of CPUs for each thread, for `setAffinity` or `PinnedWorker`. No CPU is given twice, but
 * by 'node'; none is outside of what the process was started with.
 *
 * @throws RangeError when more threads are asked for than there are places
 */
export function place(options: PlacementOptions): CpuSet[] {
  onlyKeys('options', options, ['policy', 'count', 'among', 'topology']);
  const policy = oneOf('options.policy', options.policy, POLICIES);
  const machine = options.topology ?? topology();
  const allowed = options.topology === undefined ? allowedCpus() : machine.allowed;
  const among = options.among === undefined ? allowed : CpuSet.from(options.among);
  if (!among.isSubsetOf(allowed)) {
    const outside = among.difference(allowed);
    throw invalidValue('options.among', `must be within ${allowed}: ${outside} is not`, `${among}`);
  }
  const usable = among.intersection(machine.online);
  if (usable.isEmpty) throw invalidValue('options.among', 'must have a CPU', options.among);
  const places = placesOf(policy, machine, usable);
  const count = integer(
    'options.count',
    options.count ?? places.length,
    1,
    policy === 'node' ? 2 ** 20 : places.length,
  );
  return Array.from({ length: count }, (_, index) => places[index % places.length] as CpuSet);
}

function placesOf(policy: PlacementPolicy, machine: Topology, usable: CpuSet): CpuSet[] {
  const cut = (groups: readonly { cpus: CpuSet }[]) =>
    groups.map(({ cpus }) => cpus.intersection(usable)).filter((cpus) => !cpus.isEmpty);
  if (policy === 'core') return cut(machine.cores);
  if (policy === 'node') return cut(machine.nodes);
  const cpus = machine.cpus.filter(({ id }) => usable.has(id));
  const single = (list: readonly Cpu[]) => list.map(({ id }) => CpuSet.of(id));
  if (policy === 'cpu') return single(cpus);
  const branches = branchesOf(machine);
  const packed = [...cpus].sort((a, b) => compare(branches(a), branches(b)));
  return single(policy === 'packed' ? packed : dealOut(packed, branches));
}

/** The way to a CPU from the root of the machine: near CPUs share the beginning of it. */
function branchesOf(machine: Topology): (cpu: Cpu) => number[] {
  const shared = machine.caches.filter(({ type }) => type === 'unified');
  const outermost = Math.max(...shared.map(({ level }) => level));
  const last = shared.filter(({ level }) => level === outermost);
  const known = new Map<number, number[]>();
  for (const cpu of machine.cpus) {
    known.set(cpu.id, [
      cpu.package,
      cpu.node ?? 0,
      cpu.die ?? 0,
      last.findIndex(({ cpus }) => cpus.has(cpu.id)),
      cpu.cluster ?? 0,
      cpu.core,
      cpu.id,
    ]);
  }
  return (cpu) => known.get(cpu.id) ?? [];
}

function compare(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

/**
 * Takes one CPU from each branch in turn, at every level of the tree; the threads of a core come
 * last, since they share it.
 */
function dealOut(packed: readonly Cpu[], branches: (cpu: Cpu) => number[]): Cpu[] {
  const deal = (cpus: readonly Cpu[], depth: number): Cpu[] => {
    if (cpus.length < 2) return [...cpus];
    const hands = new Map<number, Cpu[]>();
    for (const cpu of cpus) {
      const branch = branches(cpu)[depth] ?? 0;
      hands.set(branch, [...(hands.get(branch) ?? []), cpu]);
    }
    const dealt = [...hands.values()].map((hand) => deal(hand, depth + 1));
    const longest = Math.max(...dealt.map((hand) => hand.length));
    const turns = Array.from({ length: longest }, (_, turn) => dealt.map((hand) => hand[turn]));
    return turns.flat().filter((cpu) => cpu !== undefined);
  };
  const threads = [...new Set(packed.map(({ thread }) => thread))].sort((a, b) => a - b);
  return threads.flatMap((thread) =>
    deal(
      packed.filter((cpu) => cpu.thread === thread),
      0,
    ),
  );
}
