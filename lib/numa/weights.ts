/** How many pages in turn 'weighted-interleave' takes from each node. */
import { writeFileSync } from 'node:fs';
import { systemError, UnsupportedError } from '../errors.js';
import { kernel } from '../kernel.js';
import { type Reader, readNumber, system } from '../proc/read.js';
import { integer } from '../validate.js';
import { nodeNumber, nodes } from './nodes.js';

const ROOT = '/sys/kernel/mm/mempolicy/weighted_interleave';

/** By node; undefined on kernels before 6.9. */
export function weights(reader: Reader = system): ReadonlyMap<number, number> | undefined {
  const found = new Map<number, number>();
  for (const name of reader.names(ROOT)) {
    const node = /^node(\d+)$/.exec(name)?.[1];
    const weight = readNumber(`${ROOT}/${name}`, reader);
    if (node !== undefined && weight !== undefined) found.set(Number(node), weight);
  }
  return found.size === 0 ? undefined : found;
}

/**
 * Sets the weight of a node, of the whole machine: 1 to 255, or 0 for the kernel's own.
 *
 * @errno EACCES only root may
 * @kernel 6.9
 */
export function setWeight(node: number, weight: number): void {
  nodeNumber('node', node, nodes());
  integer('weight', weight, 0, 255);
  if (weights() === undefined) {
    throw new UnsupportedError({
      feature: 'weighted-interleave',
      since: '6.9',
      kernel: kernel.release,
    });
  }
  const path = `${ROOT}/node${node}`;
  try {
    writeFileSync(path, String(weight));
  } catch (error) {
    throw systemError((error as { errno: number }).errno, 'weighted_interleave', { path });
  }
}
