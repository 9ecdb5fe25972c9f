/** Reads many files at once through the ring, into registered buffers; then Node's own way. */

import { readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Mapping, Ring } from 'nearmetal/ring';

/** Files in the air at once, and the piece of registered memory that each of them has. */
const LANES = 64;
const PIECE_BYTES = 128 * 1024;

const words = process.argv.slice(2);
if (words.length === 0) {
  console.error('usage: npm run example -- read-many FILE... | FOLDER...');
  process.exit(2);
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function withRing(paths: readonly string[]): Promise<number> {
  await using ring = Ring.open({ entries: 256 });
  using mapping = Mapping.anonymous({ size: LANES * PIECE_BYTES });
  using _registered = ring.registerBuffers([mapping]);
  let next = 0;
  let bytes = 0;
  const lane = async (_: unknown, index: number): Promise<void> => {
    const piece = mapping.bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
    while (next < paths.length) {
      using file = await ring.openat(paths[next++] as string);
      for (let offset = 0; ; ) {
        const count = await ring.readFixed(file, piece, { offset });
        if (count === 0) break;
        offset += count;
        bytes += count;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, paths.length) }, lane));
  return bytes;
}

async function withNode(paths: readonly string[]): Promise<number> {
  let next = 0;
  let bytes = 0;
  const lane = async (): Promise<void> => {
    while (next < paths.length) {
      const { length } = await readFile(paths[next++] as string);
      bytes += length;
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, paths.length) }, lane));
  return bytes;
}

async function timed(name: string, read: (paths: string[]) => Promise<number>): Promise<void> {
  const start = performance.now();
  const bytes = await read(paths);
  const ms = performance.now() - start;
  console.log(`${name.padEnd(12)} ${bytes} bytes of ${paths.length} files in ${ms.toFixed(1)} ms`);
}

let paths: string[];
try {
  paths = (await Promise.all(words.map(filesOf))).flat();
  // Once without the clock: both then find the files in the page cache.
  await withNode(paths);
  await timed('nearmetal', withRing);
  await timed('fs.promises', withNode);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
