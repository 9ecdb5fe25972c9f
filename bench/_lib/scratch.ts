/** Room for the files of this run, on a disk: gone when it ends, also by Ctrl-C. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { scratchRoot } from './paths.js';

let own: string | undefined;

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** What runs that were killed have left. */
function removeOfTheDead(): void {
  for (const name of readdirSync(scratchRoot)) {
    if (!existsSync(`/proc/${name}`)) remove(join(scratchRoot, name));
  }
}

/** The folder of this run. */
export function scratch(): string {
  if (own === undefined) {
    const folder = join(scratchRoot, String(process.pid));
    mkdirSync(folder, { recursive: true });
    process.once('exit', () => remove(folder));
    removeOfTheDead();
    own = folder;
  }
  return own;
}
