/** Where the pages of a mapping come from, where they are, and moving them. */
import {
  ERRNO_NAMES,
  MPOL_F_ADDR,
  MPOL_F_NODE,
  MPOL_MF_MOVE,
  MPOL_MF_MOVE_ALL,
  MPOL_MF_STRICT,
} from '../abi.js';
import { check } from '../errors.js';
import { Mapping } from '../memory/mapping.js';
import { eachPageNode } from '../memory/nodes.js';
import { planRange, type Range, type RangeOptions } from '../memory/options.js';
import { native } from '../native.js';
import { boolean, integer, invalidType, onlyKeys } from '../validate.js';
import { emptySet, setOf } from './node-set.js';
import { nodeNumber, nodes } from './nodes.js';
import { lowerPolicy, type MemoryPolicy, raisePolicy } from './policy.js';

const PAGES_AT_ONCE = 16_384;
const PROCESS_MAX = 2 ** 22;

export interface BindOptions extends RangeOptions {
  /** MPOL_MF_STRICT: an error when a page is elsewhere already, or cannot be moved. */
  strict?: boolean;
  /** MPOL_MF_MOVE: moves the pages that are there. */
  move?: boolean;
  /** MPOL_MF_MOVE_ALL: also those that other processes share; needs CAP_SYS_NICE. */
  moveAll?: boolean;
}

const BIND_FLAGS = {
  strict: MPOL_MF_STRICT,
  move: MPOL_MF_MOVE,
  moveAll: MPOL_MF_MOVE_ALL,
} as const;

function rangeOf(mapping: Mapping, options: RangeOptions, ...more: string[]): Range {
  if (!(mapping instanceof Mapping) || mapping.disposed) {
    throw invalidType('mapping', 'a Mapping that is not disposed', mapping);
  }
  onlyKeys('options', options, ['offset', 'length', ...more]);
  return planRange(options, mapping.size, mapping.pageSize);
}

/**
 * Sets the policy of a mapping: for pages that are touched first from now on, and with `move` for
 * those that are there. Private file mappings take theirs from the thread.
 *
 * @errno EINVAL a node is outside the cpuset, or the kernel does not know the policy
 * @errno EIO `strict`, and a page is elsewhere @errno EPERM `moveAll` without CAP_SYS_NICE, or
 * seccomp refuses it
 * @kernel 2.6.7
 * @man mbind(2)
 */
export function bind(mapping: Mapping, policy: MemoryPolicy, options: BindOptions = {}): void {
  const { offset, length } = rangeOf(mapping, options, ...Object.keys(BIND_FLAGS));
  let flags = 0;
  for (const [name, flag] of Object.entries(BIND_FLAGS) as [keyof typeof BIND_FLAGS, number][]) {
    if (boolean(name, options[name] ?? false)) flags |= flag;
  }
  const { mode, nodes: bits, facts } = lowerPolicy(policy, 'mbind');
  check(native.mbind(mapping.region, offset, length, mode, bits, flags), 'mbind', { facts });
}

/**
 * The policy of the memory at `offset`.
 *
 * @man get_mempolicy(2)
 */
export function policyOf(mapping: Mapping, options: { offset?: number } = {}): MemoryPolicy {
  const { offset } = rangeOf(mapping, options);
  const bits = emptySet();
  const mode = native.getMempolicy(bits, mapping.region, offset, MPOL_F_ADDR);
  return raisePolicy(check(mode, 'get_mempolicy'), bits);
}

/**
 * The node of the page at `offset`, which is fetched if it is not there.
 *
 * @man get_mempolicy(2)
 */
export function nodeAt(mapping: Mapping, options: { offset?: number } = {}): number {
  const { offset } = rangeOf(mapping, options);
  const flags = MPOL_F_ADDR | MPOL_F_NODE;
  return check(native.getMempolicy(null, mapping.region, offset, flags), 'get_mempolicy');
}

/**
 * Where to look first, of the nodes that a 'bind' or 'preferred-many' policy names.
 *
 * @errno ENOENT the memory has no policy @errno EOPNOTSUPP it has another one
 * @kernel 5.17
 * @man set_mempolicy_home_node(2)
 */
export function setHomeNode(mapping: Mapping, node: number, options: RangeOptions = {}): void {
  const { offset, length } = rangeOf(mapping, options);
  nodeNumber('node', node, nodes());
  const result = native.setMempolicyHomeNode(mapping.region, offset, length, node, 0);
  check(result, 'set_mempolicy_home_node', { facts: { nodes: String(node) } });
}

/**
 * How many pages of the mapping are on which node; pages that are not there count nowhere. Asks
 * the kernel page by page.
 *
 * @errno EPERM seccomp refuses it, as Docker's default profile does
 * @kernel 2.6.18
 * @man move_pages(2)
 */
export function whereIs(mapping: Mapping, options: RangeOptions = {}): Map<number, number> {
  const counts = new Map<number, number>();
  eachPageNode(mapping, rangeOf(mapping, options), (node) => {
    if (node >= 0) counts.set(node, (counts.get(node) ?? 0) + 1);
  });
  return counts;
}

export interface MoveOptions extends RangeOptions {
  /** MPOL_MF_MOVE_ALL: also pages that other processes share; needs CAP_SYS_NICE. */
  all?: boolean;
}

/** Where the pages are after they were asked to move. */
export interface MoveResult {
  /** Pages by node. */
  readonly nodes: ReadonlyMap<number, number>;
  /** Pages by the name of the error: ENOENT for those that are not there, EBUSY for pinned ones. */
  readonly errors: ReadonlyMap<string, number>;
}

/**
 * Moves pages of the mapping to `node`, or each to the one that `node` answers for its number.
 *
 * @errno EACCES the node is outside the cpuset @errno EPERM `all` without CAP_SYS_NICE, or seccomp
 * refuses it
 * @kernel 2.6.18
 * @man move_pages(2)
 */
export function movePages(
  mapping: Mapping,
  node: number | ((page: number) => number),
  options: MoveOptions = {},
): MoveResult {
  const { offset, length } = rangeOf(mapping, options, 'all');
  const all = boolean('all', options.all ?? false);
  const known = nodes();
  const target = typeof node === 'function' ? node : () => node;
  if (typeof node !== 'function') nodeNumber('node', node, known);
  const step = mapping.pageSize;
  const first = offset / step;
  const count = Math.ceil(length / step);
  const found = { nodes: new Map<number, number>(), errors: new Map<string, number>() };
  for (let done = 0; done < count; ) {
    const size = Math.min(PAGES_AT_ONCE, count - done);
    const wanted = Int32Array.from({ length: size }, (_, index) =>
      nodeNumber('node', target(first + done + index), known),
    );
    // Where the kernel stops early it leaves the rest as it was.
    const status = new Int32Array(size).fill(-1);
    const flags = all ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE;
    const at = offset + done * step;
    check(native.movePages(mapping.region, at, step, wanted, status, flags), 'move_pages');
    for (const answer of status) tally(found, answer);
    done += size;
  }
  return found;
}

function tally(
  found: { nodes: Map<number, number>; errors: Map<string, number> },
  answer: number,
): void {
  if (answer >= 0) found.nodes.set(answer, (found.nodes.get(answer) ?? 0) + 1);
  else {
    const name = ERRNO_NAMES[-answer] ?? `ERRNO_${-answer}`;
    found.errors.set(name, (found.errors.get(name) ?? 0) + 1);
  }
}

/**
 * Moves all pages of a process (0: this one) from nodes to nodes, first to first and so on; answers
 * how many could not be moved.
 *
 * @errno EPERM the process is somebody else's, or seccomp refuses it @errno ESRCH it has ended
 * @kernel 2.6.16
 * @man migrate_pages(2)
 */
export function migratePages(
  process: number,
  from: readonly number[],
  to: readonly number[],
): number {
  integer('process', process, 0, PROCESS_MAX);
  const known = nodes();
  const [old, fresh] = [
    ['from', from],
    ['to', to],
  ].map(([name, list]) => {
    if (!Array.isArray(list)) throw invalidType(String(name), 'an array of nodes', list);
    return setOf(list.map((node, index) => nodeNumber(`${name}[${index}]`, node, known)));
  }) as [Uint8Array, Uint8Array];
  return check(native.migratePages(process, old, fresh), 'migrate_pages');
}
