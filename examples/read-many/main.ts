/** Reads many files at once through the ring, into registered buffers; then Node's own way. */

import { readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
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

/** What was read: as many bytes, and their CRCs added up, which no order of the files changes. */
interface Total {
  bytes: number;
  checksum: number;
}

async function withRing(paths: readonly string[]): Promise<Total> {
  await using ring = Ring.open({ entries: 256 });
  using mapping = Mapping.anonymous({ size: LANES * PIECE_BYTES });
  using _registered = ring.registerBuffers([mapping]);
  let next = 0;
  const total = { bytes: 0, checksum: 0 };
  const lane = async (_: unknown, index: number): Promise<void> => {
    const piece = mapping.bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
    while (next < paths.length) {
      using file = await ring.openat(paths[next++] as string);
      let crc = 0;
      for (let offset = 0; ; ) {
        const count = await ring.readFixed(file, piece, { offset });
        if (count === 0) break;
        offset += count;
        total.bytes += count;
        crc = crc32(piece.subarray(0, count), crc);
      }
      total.checksum += crc;
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, paths.length) }, lane));
  return total;
}

async function withNode(paths: readonly string[]): Promise<Total> {
  let next = 0;
  const total = { bytes: 0, checksum: 0 };
  const lane = async (): Promise<void> => {
    while (next < paths.length) {
      const content = await readFile(paths[next++] as string);
      total.bytes += content.length;
      total.checksum += crc32(content);
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, paths.length) }, lane));
  return total;
}

async function timed(name: string, read: (paths: string[]) => Promise<Total>): Promise<Total> {
  const start = performance.now();
  const total = await read(paths);
  const { bytes } = total;
  const ms = performance.now() - start;
  console.log(`${name.padEnd(12)} ${bytes} bytes of ${paths.length} files in ${ms.toFixed(1)} ms`);
  return total;
}

let paths: string[];
try {
  paths = (await Promise.all(words.map(filesOf))).flat();
  // Once without the clock: both then find the files in the page cache.
  await withNode(paths);
  const ours = await timed('nearmetal', withRing);
  const theirs = await timed('fs.promises', withNode);
  if (ours.bytes !== theirs.bytes || ours.checksum !== theirs.checksum) {
    throw new Error('the two have not read the same: did a file change meanwhile?');
  }
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
