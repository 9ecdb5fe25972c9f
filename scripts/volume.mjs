/**
 * Much traffic, each byte of which is compared: `--gib N` (50), `--lanes A,B`, `--seed N`. A run of
 * all lanes that went well is added to test/results/volume.json and docs/reliability.md.
 */
import { fileURLToPath } from 'node:url';
import { longRun } from './kernels/long-run.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

longRun('volume', 'volume.json', process.argv.slice(2));
