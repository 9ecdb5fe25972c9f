/** From which nodes memory comes: the policy of this thread, and how any policy is written. */
import {
  EINVAL,
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_F_MEMS_ALLOWED,
  MPOL_F_NUMA_BALANCING,
  MPOL_F_RELATIVE_NODES,
  MPOL_F_STATIC_NODES,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED,
  MPOL_PREFERRED_MANY,
  MPOL_WEIGHTED_INTERLEAVE,
} from '../abi.js';
import { check, systemError } from '../errors.js';
import { native } from '../native.js';
import { boolean, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { emptySet, nodesOf, setOf } from './node-set.js';
import { nodeNumber, nodes } from './nodes.js';

const MODES = {
  default: MPOL_DEFAULT,
  preferred: MPOL_PREFERRED,
  bind: MPOL_BIND,
  interleave: MPOL_INTERLEAVE,
  local: MPOL_LOCAL,
  'preferred-many': MPOL_PREFERRED_MANY,
  'weighted-interleave': MPOL_WEIGHTED_INTERLEAVE,
} as const;

const FLAGS = {
  staticNodes: MPOL_F_STATIC_NODES,
  relativeNodes: MPOL_F_RELATIVE_NODES,
  numaBalancing: MPOL_F_NUMA_BALANCING,
} as const;
const ALL_FLAGS = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING;

/**
 * 'default' is what the thread or the system has, 'local' the node of the CPU that touches a page
 * first, 'preferred' a node with others after it, 'preferred-many' (5.15) several, 'bind' these
 * nodes or none, 'interleave' one page from each in turn, 'weighted-interleave' (6.9) as many from
 * each as its weight says.
 */
export type PolicyMode = keyof typeof MODES;

export interface MemoryPolicy {
  policy: PolicyMode;
  /** Not with 'default' and 'local'; exactly one with 'preferred'. */
  nodes?: readonly number[];
  /** MPOL_F_STATIC_NODES: these nodes, also after the cpuset has changed. */
  staticNodes?: boolean;
  /** MPOL_F_RELATIVE_NODES: counted from the first node of the cpuset. */
  relativeNodes?: boolean;
  /** MPOL_F_NUMA_BALANCING (5.12), with 'bind': the kernel may move pages among the nodes. */
  numaBalancing?: boolean;
}

/** A policy for the kernel. */
export interface LoweredPolicy {
  readonly mode: number;
  readonly nodes: Uint8Array | null;
  readonly facts: { readonly nodes: string };
}

/** Checks a policy; `syscall` is what it is for, for the error of nodes that are not allowed. */
export function lowerPolicy(value: MemoryPolicy, syscall: string): LoweredPolicy {
  onlyKeys('policy', value, ['policy', 'nodes', ...Object.keys(FLAGS)]);
  const policy = oneOf('policy.policy', value.policy, Object.keys(MODES) as PolicyMode[]);
  let mode: number = MODES[policy];
  for (const [name, flag] of Object.entries(FLAGS) as [keyof typeof FLAGS, number][]) {
    if (boolean(`policy.${name}`, value[name] ?? false)) mode |= flag;
  }
  const chosen = chooseNodes(policy, value.nodes);
  const facts = { nodes: chosen.join(',') };
  // The kernel leaves out, without a word, those that the cpuset does not have.
  const exact = (mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) === 0;
  const allowed = exact && chosen.length > 0 ? allowedOrUnknown() : undefined;
  if (allowed !== undefined && !chosen.every((node) => allowed.includes(node))) {
    throw systemError(-EINVAL, syscall, { facts });
  }
  return { mode, nodes: chosen.length === 0 ? null : setOf(chosen), facts };
}

function chooseNodes(policy: PolicyMode, wanted: readonly number[] | undefined): readonly number[] {
  const none = policy === 'default' || policy === 'local';
  if (none && wanted === undefined) return [];
  if (!Array.isArray(wanted)) throw invalidType('policy.nodes', 'an array of nodes', wanted);
  const fits = none ? wanted.length === 0 : wanted.length > 0;
  if (!fits || (policy === 'preferred' && wanted.length !== 1)) {
    const count = none ? 'no nodes' : policy === 'preferred' ? 'one node' : 'nodes';
    throw invalidValue('policy.nodes', `must name ${count} with '${policy}'`, wanted);
  }
  const known = nodes();
  return wanted.map((node, index) => nodeNumber(`policy.nodes[${index}]`, node, known));
}

function allowedOrUnknown(): number[] | undefined {
  const bits = emptySet();
  return native.getMempolicy(bits, -1, 0, MPOL_F_MEMS_ALLOWED) < 0 ? undefined : nodesOf(bits);
}

/** @internal A policy as the kernel tells it. */
export function raisePolicy(mode: number, bits: Uint8Array): MemoryPolicy {
  const found = nodesOf(bits);
  const number = mode & ~ALL_FLAGS;
  let policy = (Object.keys(MODES) as PolicyMode[]).find((name) => MODES[name] === number);
  // Before 5.14 that was how it was kept.
  if (policy === 'preferred' && found.length === 0) policy = 'local';
  const flags = Object.entries(FLAGS).filter(([, flag]) => (mode & flag) !== 0);
  return {
    policy: policy ?? 'default',
    ...(found.length > 0 ? { nodes: found } : {}),
    ...Object.fromEntries(flags.map(([name]) => [name, true])),
  };
}

/**
 * The policy of this thread.
 *
 * @errno EPERM seccomp refuses it
 * @kernel 2.6.7
 * @man get_mempolicy(2)
 */
export function getPolicy(): MemoryPolicy {
  const bits = emptySet();
  return raisePolicy(check(native.getMempolicy(bits, -1, 0, 0), 'get_mempolicy'), bits);
}

/**
 * Sets the policy of this thread: for what it touches first from now on, V8's heap included. A
 * worker sets its own.
 *
 * @errno EINVAL a node is outside the cpuset, or the kernel does not know the policy
 * @errno EPERM seccomp refuses it
 * @kernel 2.6.7
 * @man set_mempolicy(2)
 */
export function setPolicy(policy: MemoryPolicy): void {
  const { mode, nodes: bits, facts } = lowerPolicy(policy, 'set_mempolicy');
  check(native.setMempolicy(mode, bits), 'set_mempolicy', { facts });
}

/**
 * The nodes from which this thread may have memory: its cpuset.
 *
 * @man get_mempolicy(2), cpuset(7)
 */
export function allowedNodes(): number[] {
  const bits = emptySet();
  check(native.getMempolicy(bits, -1, 0, MPOL_F_MEMS_ALLOWED), 'get_mempolicy');
  return nodesOf(bits);
}
