/**
 * Mixed traffic under faults: `--minutes N` (60), `--lanes A,B`, `--round SECONDS`, `--seed N`. A
 * run of all lanes that went well is kept in test/results/soak.json and docs/reliability.md.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writePages } from './kernels/pages.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const words = process.argv.slice(2);
const minutes = words.indexOf('--minutes');
if (minutes >= 0) words.splice(minutes, 2, '--seconds', `${Number(words[minutes + 1]) * 60}`);
const all = !words.includes('--lanes');
if (all) words.push('--json', 'test/results/soak.json');

const env = {
  ...process.env,
  NEARMETAL_ADDON: process.env.NEARMETAL_ADDON ?? `${process.cwd()}/build/seam/nearmetal_seam.node`,
};
const program = ['--expose-gc', '.dev/test/fixtures/soak/main.js', ...words];
const { status } = spawnSync(process.execPath, program, { env, stdio: 'inherit' });
if (status === 0 && all) writePages();
process.exitCode = status ?? 1;
