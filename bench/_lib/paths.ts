/** Where things are: the checkout, what is compiled from it, and room for large files. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder upwards with our own manifest: right from source, `.dev` or elsewhere. */
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
export const referencePrograms = join(root, 'build/reference');
/** On the disk of the checkout: the system's folder for temporary files may be memory. */
export const scratch = join(root, 'build/bench-scratch');

/** The compiled form of `bench/subjects/NAME.ts`. */
export function subjectFile(name: string): string {
  return join(root, '.dev/bench/subjects', `${name}.js`);
}
