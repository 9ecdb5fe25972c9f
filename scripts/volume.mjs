/**
 * Much traffic, each byte of which is compared: `--gib N` (50), `--lanes A,B`, `--seed N`. A run of
 * all lanes that went well is added to test/results/volume.json and docs/reliability.md.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writePages } from './kernels/pages.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const words = process.argv.slice(2);
const all = !words.includes('--lanes');
if (all) words.push('--json', 'test/results/volume.json');

const env = {
  ...process.env,
  // What is left in the end is counted by the build with the seam.
  NEARMETAL_ADDON: process.env.NEARMETAL_ADDON ?? `${process.cwd()}/build/seam/nearmetal_seam.node`,
};
const program = ['--expose-gc', '.dev/test/fixtures/soak/volume.js', ...words];
const { status } = spawnSync(process.execPath, program, { env, stdio: 'inherit' });
if (status === 0 && all) writePages();
process.exitCode = status ?? 1;
