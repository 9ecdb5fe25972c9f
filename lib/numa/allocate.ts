/** Memory of one node. */
import { ENOMEM } from '../abi.js';
import { SystemError, systemError, UnsupportedError } from '../errors.js';
import { Mapping } from '../memory/mapping.js';
import type { AnonymousOptions } from '../memory/options.js';
import { hugeFlags, PAGE_BYTES } from '../memory/pages.js';
import { bind } from './bind.js';
import { type NumaNode, nodeNumber, nodes } from './nodes.js';

/**
 * Maps anonymous memory all of whose pages are on `node`, or none at all. Takes the options of
 * `Mapping.anonymous`; with `orElse` other pages are tried, never another node.
 *
 * @errno ENOMEM the node has not that much memory @errno EFAULT its pool of hugepages is empty
 * @errno EINVAL the node is outside the cpuset @errno EPERM seccomp refuses mbind
 * @kernel 2.6.7
 * @man mbind(2)
 */
export function allocateOnNode(node: number, options: AnonymousOptions): Mapping {
  const known = nodes();
  nodeNumber('node', node, known);
  const place = known.find(({ id }) => id === node) as NumaNode;
  const several = known.length > 1;
  try {
    return mapOn(place, several, options);
  } catch (error) {
    const { hugePage, orElse = 'throw', ...rest } = options;
    const lacking = SystemError.is(error, 'ENOMEM', 'EFAULT', 'EINVAL', 'ENODEV');
    if (!(lacking || error instanceof UnsupportedError)) throw error;
    if (orElse === 'throw' || hugePage === undefined) throw error;
    const again = hugePage !== 'transparent' && orElse === 'transparent';
    return mapOn(place, several, again ? { ...rest, hugePage: 'transparent' } : rest);
  }
}

function mapOn(node: NumaNode, several: boolean, options: AnonymousOptions): Mapping {
  const { populate = true, locked = false, orElse: _, ...rest } = options;
  const mapping = Mapping.anonymous({ ...rest, populate: false });
  try {
    bind(mapping, { policy: 'bind', nodes: [node.id] });
    if (populate) {
      if (several) needMemory(node, mapping);
      mapping.populate();
    }
    if (locked !== false) mapping.lock({ onfault: locked === 'onfault' });
    return mapping;
  } catch (error) {
    const { size, pageSize } = mapping;
    mapping.dispose();
    if (!SystemError.is(error, 'EFAULT', 'ENOMEM')) throw error;
    const flags = pageSize > PAGE_BYTES ? hugeFlags(pageSize) : 0;
    const facts = { flags, bytes: size, node: node.id };
    throw systemError(error.errno, error.syscall, { facts });
  }
}

/** Where a node is out of ordinary memory the kernel kills, instead of answering an error. */
function needMemory(node: NumaNode, mapping: Mapping): void {
  if (mapping.pageSize > PAGE_BYTES || mapping.size <= node.available) return;
  throw systemError(-ENOMEM, 'mbind');
}
