/** How many workers there are, and where each of them runs. */
import { type PlacementPolicy, place } from '../cpu/placement.js';
import { CpuSet, type CpuSetLike } from '../cpu/set.js';
import { type Topology, topology } from '../cpu/topology.js';
import { boolean, integer, invalidType, invalidValue, outOfRange } from '../validate.js';

/** Where a worker runs. */
export interface Place {
  readonly cpus: CpuSet;
  /** The NUMA node of all its CPUs; undefined where they are of several, or nobody knows. */
  readonly node: number | undefined;
}

export interface PlaceOptions {
  /** How many. Default: one for each place, and no more than the cgroup's quota of CPUs. */
  workers?: number;
  /**
   * A policy of `place` in `nearmetal/cpu`, or the CPUs of each worker. Default 'cpu', one each;
   * where a quota leaves fewer CPUs than there are, 'node': others have the same quota, and would
   * choose the same CPUs.
   */
  placement?: PlacementPolicy | readonly CpuSetLike[];
  /** Allows more workers than there are CPUs, or than the quota pays for. Default false. */
  oversubscribe?: boolean;
}

const WORKERS_MAX = 4096;

/** @param given another machine than this one */
export function planPlaces(options: PlaceOptions, given?: Topology): Place[] {
  const machine = given ?? topology();
  const { cpuQuota } = machine.cgroup;
  const share = cpuQuota === undefined ? Infinity : Math.max(1, Math.floor(cpuQuota));
  const placement = options.placement ?? (share < machine.allowed.size ? 'node' : 'cpu');
  const sets = setsOf(placement, given);
  const cpus = sets.reduce((all, set) => all.union(set), CpuSet.empty).size;
  // Places that are one CPU or core are for one worker each.
  const shared = placement === 'node' || typeof placement !== 'string';
  const room = shared ? cpus : sets.length;
  const most = Math.min(room, share);
  const wished = typeof placement === 'string' ? most : sets.length;
  const workers = integer('options.workers', options.workers ?? wished, 1, WORKERS_MAX);
  if (workers > most && !boolean('options.oversubscribe', options.oversubscribe ?? false)) {
    const why = share < room ? `the cgroup's quota is ${cpuQuota} CPUs` : `of ${cpus} CPUs`;
    const range = `an integer >= 1 && <= ${most} (${why}) without oversubscribe`;
    throw outOfRange('options.workers', range, workers);
  }
  return Array.from({ length: workers }, (_, index) => {
    const set = sets[index % sets.length] as CpuSet;
    return { cpus: set, node: nodeOf(set, machine) };
  });
}

function setsOf(placement: PlacementPolicy | readonly CpuSetLike[], given?: Topology): CpuSet[] {
  const machine = given === undefined ? {} : { topology: given };
  if (typeof placement === 'string') return place({ policy: placement, ...machine });
  if (!Array.isArray(placement)) {
    throw invalidType('options.placement', 'a policy or an array of sets of CPUs', placement);
  }
  if (placement.length === 0) {
    throw invalidValue('options.placement', 'must have a set of CPUs', placement);
  }
  return placement.map((each: CpuSetLike, index) => {
    const set = CpuSet.from(each);
    if (!set.isEmpty) return set;
    throw invalidValue(`options.placement[${index}]`, 'must have at least one CPU', each);
  });
}

function nodeOf(set: CpuSet, machine: Topology): number | undefined {
  const found = new Set(machine.cpus.filter(({ id }) => set.has(id)).map((cpu) => cpu.node));
  return found.size === 1 ? [...found][0] : undefined;
}
