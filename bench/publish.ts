/**
 * `npm run bench:publish [-- RUN.json]`: writes the tables of README.md and docs/performance.md
 * from a run that was kept. Figures are never typed by hand.
 */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './_lib/paths.js';
import { KEPT, pages } from './_lib/published.js';
import { load } from './_lib/saved.js';

const [given] = process.argv.slice(2);
if (given !== undefined) copyFileSync(given, KEPT);
for (const [path, text] of Object.entries(pages(load(KEPT)))) writeFileSync(join(root, path), text);
