/**
 * `npm run bench:publish [-- RUN.json...]`: writes the tables of README.md and docs/performance.md
 * from a run that was kept, with what later ones measured again. Figures are never typed by hand.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './_lib/paths.js';
import { KEPT, pages } from './_lib/published.js';
import { load, renewed, save } from './_lib/saved.js';

const [first, ...later] = process.argv.slice(2).map(load);
if (first !== undefined) save(KEPT, later.reduce(renewed, first));
for (const [path, text] of Object.entries(pages(load(KEPT)))) writeFileSync(join(root, path), text);
