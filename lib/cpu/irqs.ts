/** Interrupts: which CPUs serve each, and telling one where to go. */
import { writeFileSync } from 'node:fs';
import { EIO } from '../abi.js';
import { systemError } from '../errors.js';
import { type Reader, readLine, rootedAt, system } from '../proc/read.js';
import { integer, invalidValue, onlyKeys } from '../validate.js';
import { CpuSet, type CpuSetLike } from './set.js';
import { listOf } from './sysfs.js';
import type { TopologyOptions } from './topology.js';

export interface Irq {
  readonly irq: number;
  /** The devices behind it. */
  readonly names: readonly string[];
  /** Where it may go. */
  readonly cpus: CpuSet;
  /** Where it goes; empty where the kernel does not say. */
  readonly effective: CpuSet;
}

/**
 * The interrupts that are in use.
 *
 * @man proc_irq(5)
 */
export function irqs(options: TopologyOptions = {}): Irq[] {
  onlyKeys('options', options, ['root']);
  return readIrqs(options.root === undefined ? system : rootedAt(options.root));
}

function readIrqs(reader: Reader): Irq[] {
  const ids = reader.names('/proc/irq').filter((name) => /^\d+$/.test(name));
  return ids
    .map(Number)
    .sort((a, b) => a - b)
    .map((irq) => {
      const at = `/proc/irq/${irq}`;
      return {
        irq,
        // Each device has a folder here; the other names are files of the interrupt.
        names: reader.names(at).filter((name) => !/^(\w*affinity\w*|node|spurious)$/.test(name)),
        cpus: listOf(readLine(`${at}/smp_affinity_list`, reader)),
        effective: listOf(readLine(`${at}/effective_affinity_list`, reader)),
      };
    });
}

/**
 * Sends an interrupt to one of `cpus`.
 *
 * @errno EIO the interrupt cannot be moved: one queue's of a device that manages them itself
 * @errno EINVAL none of `cpus` is online
 * @errno EACCES not root
 * @errno ENOENT no interrupt has that number
 * @man proc_irq(5)
 */
export function setIrqAffinity(irq: number, cpus: CpuSetLike): void {
  integer('irq', irq, 0, 2 ** 20);
  const wanted = CpuSet.from(cpus);
  if (wanted.isEmpty) throw invalidValue('cpus', 'must have at least one CPU', cpus);
  const path = `/proc/irq/${irq}/smp_affinity_list`;
  try {
    writeFileSync(path, `${wanted}`, { flag: 'r+' });
  } catch (error) {
    const { errno = -EIO, syscall = 'write' } = error as NodeJS.ErrnoException;
    throw systemError(errno, syscall, { path });
  }
}
