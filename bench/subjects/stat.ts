/** Facts about the files that are lines of a file. Arguments: FILE batch|promises|sync. */
import { readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { serveRequests } from '../_lib/requests.js';

const [list = '', how] = process.argv.slice(2);
const known = readFileSync(list, 'utf8').trimEnd().split('\n');

/** Answers the sizes of `paths`, added up. */
async function chosen(): Promise<(paths: string[]) => Promise<number> | number> {
  if (how === 'sync') return (paths) => paths.reduce((sum, path) => sum + statSync(path).size, 0);
  if (how === 'promises') {
    return async (paths) => {
      const all = await Promise.all(paths.map((path) => stat(path)));
      return all.reduce((sum, { size }) => sum + size, 0);
    };
  }
  const { statBatch } = await import('nearmetal/fs');
  return async (paths) => {
    const batch = await statBatch(paths);
    let sum = 0;
    for (let index = 0; index < batch.length; index++) sum += batch.size(index);
    if (batch.failures > 0) throw new Error(`${batch.failures} files were not found`);
    return sum;
  };
}

const sizes = await chosen();
const size = statSync(known[0] as string).size;
await serveRequests(async ([count]) => {
  const paths = Array.from({ length: Number(count) }, (_, index) => known[index % known.length]);
  const sum = await sizes(paths as string[]);
  if (sum !== size * paths.length) throw new Error(`the sizes add up to ${sum}`);
  return paths.length;
});
