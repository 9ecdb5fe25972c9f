/** What reads cost, beside lmdb, a Map and an array in order, all in this process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { open } from '../ordered-index.js';
import { inHeap, points, SCAN, scans } from './contestants.js';
import { entries, sample } from './data.js';
import { openLmdb } from './lmdb.js';
import { comparePages } from './pages.js';
import { measure, table } from './rounds.js';

const ENTRY_BYTES = 200;
const MEMORY_MIN = 2 ** 26;

async function compareReads(directory: string, count: number, turnMs: number): Promise<void> {
  const memory = Math.max(MEMORY_MIN, count * ENTRY_BYTES);
  await using index = await open({ directory: join(directory, 'index'), memory });
  const begun = performance.now();
  await index.bulkLoad(entries(count));
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const each = (index.bytes / count).toFixed(0);
  console.log(`${count} entries loaded and durable in ${seconds} s, ${each} bytes each`);
  console.log(`pages: ${index.backing}`);
  const lmdb = await openLmdb(join(directory, 'lmdb'), count);
  const others = { lmdb, ...inHeap(count) };
  const keys = sample(count);
  const reads = measure(points(index, others, keys), turnMs);
  console.log(table('point reads', reads, 'lmdb getBinary, a copy'));
  const ranges = measure(scans(index, others, keys), turnMs);
  console.log(table(`scans of ${SCAN} entries`, ranges, 'lmdb getRange'));
  await lmdb?.close();
}

/** Throws where an argument is wrong. */
export async function bench(words: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      keys: { type: 'string', default: '1000000' },
      'turn-ms': { type: 'string', default: '100' },
      'no-hugepages': { type: 'boolean', default: false },
    },
  });
  const [count, turnMs] = [Number(values.keys), Number(values['turn-ms'])];
  if (!(Number.isInteger(count) && count >= 100 && count <= 10_000_000)) {
    throw new RangeError(
      `--keys must be a whole number from 100 to 10000000, not '${values.keys}'`,
    );
  }
  if (!(turnMs >= 1 && turnMs <= 10_000)) {
    throw new RangeError(`--turn-ms must be from 1 to 10000, not '${values['turn-ms']}'`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'nearmetal-index-'));
  try {
    await compareReads(directory, count, turnMs);
    if (!values['no-hugepages']) comparePages(count, turnMs);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
