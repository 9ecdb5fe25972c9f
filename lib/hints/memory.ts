/** Hints about pools of hugepages and about nodes. */
import { kernel } from '../kernel.js';
import { parseList, readNumaNodes } from '../proc/machine.js';
import { formatBytes, type Reader, readConfinement } from '../proc/read.js';
import { type Facts, number } from './rows.js';

/** facts: bytes, wanted in hugepages. */
export function poolGrowth(reader: Reader, facts: Facts): string {
  const free = /^MemFree:\s+(\d+) kB/m.exec(reader.text('/proc/meminfo') ?? '')?.[1];
  const found = free === undefined ? 'unknown' : formatBytes(Number(free) * 1024);
  const wanted = number(facts['bytes']) ?? 0;
  return (
    `${formatBytes(wanted)} in hugepages are wanted, ${found} of memory are free, and may be in ` +
    'pieces: `sysctl -w vm.compact_memory=1` (as root) puts them together, or reserve at boot ' +
    'with hugepages= on the kernel command line'
  );
}

/** facts: nodes, what was asked for in list format. */
export function nodesNotAllowed(reader: Reader, facts: Facts): string | undefined {
  const nodes = facts['nodes'];
  const allowed = readConfinement(reader).nodesAllowed;
  if (typeof nodes !== 'string' || nodes === '' || allowed === undefined) return undefined;
  const outside = parseList(nodes).filter((node) => !parseList(allowed).includes(node));
  return outside.length === 0
    ? `this kernel (${kernel.release}) does not know the policy or one of its flags`
    : `node ${outside.join(', ')} is not in this process's allowed set ${allowed} (cgroup ` +
        'cpuset): choose from it, or widen cpuset.mems';
}

/** facts: none. */
export function nodeMemory(reader: Reader): string {
  const free = readNumaNodes(reader).map(
    ({ node, available = 0 }) => `node ${node} ${Math.floor(available / 2 ** 20)} MiB`,
  );
  return (
    `the node has not that much memory left (${free.join(', ')}): ask for less, or another ` +
    'node'
  );
}

export function rootOnly(): string {
  return 'only root may change this, and in a container /sys is read-only: do it on the host';
}

export function poolForbidden(): string {
  return (
    'only root may change a pool, and in a container /sys is read-only: on the host, ' +
    '`sysctl -w vm.nr_hugepages=`'
  );
}
