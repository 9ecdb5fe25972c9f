/** Where things are: the checkout, what is compiled from it, and room for large files. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder upwards with our own manifest: right from source, `dist` or elsewhere. */
function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && /"name": "nearmetal"/.test(readFileSync(manifest, 'utf8'))) {
      return folder;
    }
    const parent = dirname(folder);
    if (parent === folder) throw new Error('bench: no package.json of nearmetal above this file');
    folder = parent;
  }
}

export const root = findRoot();
export const referenceSources = join(root, 'bench/reference');

/** What is made while measuring: in `build/` of a checkout; an installed package is left alone. */
const made = existsSync(join(root, 'bench/run.ts'))
  ? join(root, 'build')
  : join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'nearmetal');
export const referencePrograms = join(made, 'reference');
/** On a disk: the system's folder for temporary files may be memory. */
export const scratchRoot = join(made, 'bench-scratch');

/** The compiled form of `bench/subjects/NAME.ts`. */
export function subjectFile(name: string): string {
  return join(root, 'dist/bench/subjects', `${name}.js`);
}
