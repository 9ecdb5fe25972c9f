/**
 * Runs the suite on other kernels, each in a guest (scripts/kernel-guest.sh), one after the other:
 * `test-kernels.mjs [VERSION...] [-- PART...]`, where a part is the start of a test file's path.
 * Writes test/results/kernel-VERSION.json, and docs/kernels.md and docs/reliability.md from all of
 * these. Ends with 1 when a test failed.
 */
import { fileURLToPath } from 'node:url';
import { guest } from './guest/run.mjs';
import { PARTS } from './kernels/parts.mjs';
import { countsOf, readWords, runVersions } from './kernels/suite.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const asked = readWords(['5.10', '6.1', '6.12', '6.18', '7.3'], PARTS);
const commands = [
  'node scripts/kernels/facts.mjs',
  `node scripts/kernels/run-suite.mjs --emulated ${asked.parts.join(' ')}`,
];

const run = (version, folder) => guest(version, folder, commands);
await runVersions('kernel', asked, run, countsOf);
