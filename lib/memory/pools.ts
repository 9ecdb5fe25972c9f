/** The kernel's pools of hugepages: what is in them, and more of it where we may. */
import { writeFileSync } from 'node:fs';
import { ENOMEM } from '../abi.js';
import { systemError } from '../errors.js';
import { type HugepagePool, readHugepagePools } from '../proc/read.js';
import { parseSize, type SizeText } from '../units.js';
import { integer, invalidType, onlyKeys, outOfRange } from '../validate.js';

export type { HugepagePool };

/** Where the pools are: of the machine, or of one node. */
function folder(node: number | undefined): string {
  return node === undefined
    ? '/sys/kernel/mm/hugepages'
    : `/sys/devices/system/node/node${integer('node', node, 0, 1023)}/hugepages`;
}

/** The pools by page size, of the machine or of one node; counts are pages. */
export function hugepagePools(options: { node?: number } = {}): HugepagePool[] {
  onlyKeys('options', options, ['node']);
  return readHugepagePools(undefined, folder(options.node));
}

export interface ReserveOptions {
  /** Of one page: '2MiB', or bytes. */
  size: SizeText | number;
  /** Pages that should be free. */
  count: number;
  /** On this node. Default: wherever the kernel likes. */
  node?: number;
}

/** Hugepages that were added to a pool; `dispose` gives the pool the size that it had. */
export class HugepageReservation implements Disposable {
  readonly #path: string;
  readonly #before: number;
  #done = false;

  /** @internal */
  constructor(path: string, before: number) {
    this.#path = path;
    this.#before = before;
  }

  dispose(): void {
    if (this.#done) return;
    this.#done = true;
    setCount(this.#path, this.#before);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Lets the pool grow until `count` pages of it are free; needs root. The kernel finds them by
 * moving other memory, which can take seconds and can fail. The pool belongs to the whole machine:
 * nothing but `dispose` makes it smaller again, also not the end of the process.
 *
 * @errno ENOMEM memory is in pieces, or there is too little of it; the pool is as it was
 * @errno EACCES only root may
 */
export function reserveHugepages(options: ReserveOptions): HugepageReservation {
  onlyKeys('options', options, ['size', 'count', 'node']);
  const size = typeof options.size === 'string' ? parseSize(options.size) : options.size;
  const count = integer('count', options.count, 1, 2 ** 30);
  if (typeof size !== 'number') {
    throw invalidType('size', "bytes, or a size such as '2MiB'", options.size);
  }
  const root = folder(options.node);
  const pool = readHugepagePools(undefined, root).find((each) => each.size === size);
  if (pool === undefined) {
    const known = readHugepagePools(undefined, root).map((each) => each.size);
    throw outOfRange('size', `one of ${known.join(', ') || '(none)'}`, options.size);
  }
  const path = `${root}/hugepages-${size / 1024}kB/nr_hugepages`;
  const missing = count - (pool.free - pool.reserved);
  if (missing > 0) setCount(path, pool.total + missing);
  const now = readHugepagePools(undefined, root).find((each) => each.size === size);
  if (now !== undefined && now.free - now.reserved < count) {
    setCount(path, pool.total);
    throw systemError(-ENOMEM, 'nr_hugepages', { path, facts: { bytes: count * size } });
  }
  return new HugepageReservation(path, pool.total);
}

function setCount(path: string, count: number): void {
  try {
    writeFileSync(path, String(count));
  } catch (error) {
    throw systemError((error as { errno: number }).errno, 'nr_hugepages', { path });
  }
}
