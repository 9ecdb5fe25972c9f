/** Puts a large table on large pages of the nearest NUMA node, and shows what came of it. */

import { parseArgs } from 'node:util';
import { getcpu, nanoseconds, setAffinity } from 'nearmetal/cpu';
import { Mapping, pageFaults, residency } from 'nearmetal/memory';
import { allocateOnNode, localTo } from 'nearmetal/numa';

const MIB = 2 ** 20;
/** What is read of each step: a pointer chase through the table, as a hash index would do it. */
const STEPS = 1_000_000;

const { values } = parseArgs({ options: { mib: { type: 'string', default: '256' } } });
const mib = Number(values.mib);
if (!Number.isInteger(mib) || mib < 2 || mib > 65_536) {
  console.error('usage: npm run example -- place [--mib 256]');
  process.exit(2);
}

const { cpu } = getcpu();
setAffinity(cpu);
const node = localTo(cpu);
console.log(`pinned to CPU ${cpu}, whose memory is on node ${node}`);

/** One ring through all cells, in an order that no prefetcher guesses. */
function fill(table: Int32Array): void {
  const cells = table.length;
  // Odd, and prime to the length, which is a multiple of a power of two.
  const step = Math.floor(cells * 0.618) | 1;
  for (let cell = 0, at = 0; cell < cells; cell++) {
    const next = (at + step) % cells;
    table[at] = next;
    at = next;
  }
}

function chase(table: Int32Array): number {
  let at = 0;
  const start = nanoseconds();
  for (let step = 0; step < STEPS; step++) at = table[at] as number;
  const spent = nanoseconds() - start;
  if (at < 0) throw new Error('the table has been damaged');
  return spent / STEPS;
}

function show(name: string, make: () => Mapping): void {
  const before = pageFaults();
  using mapping = make();
  const table = new Int32Array(mapping.bytes.buffer);
  fill(table);
  const faults = pageFaults().minor - before.minor;
  chase(table);
  const { pageSizes, nodes } = residency(mapping);
  const sizes = [...pageSizes].map(([size, bytes]) => `${bytes / MIB} MiB in pages of ${size}`);
  const places = [...nodes].map(([id, bytes]) => `${bytes / MIB} MiB on node ${id}`);
  console.log(`${name}: ${sizes.join(', ')}; ${places.join(', ') || 'on nodes unknown'}`);
  console.log(`  ${faults} page faults, ${chase(table).toFixed(1)} ns for each step`);
}

const size = mib * MIB;
show('ordinary', () => Mapping.anonymous({ size }));
// Pages of the pool where it has enough, else whatever the kernel puts together.
show('placed', () => allocateOnNode(node, { size, hugePage: '2MiB', orElse: 'transparent' }));
