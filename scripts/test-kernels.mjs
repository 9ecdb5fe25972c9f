/**
 * Runs the suite on other kernels, one after the other: `test-kernels.mjs [VERSION...]
 * [-- PART...]`, where a part is the start of a test file's path. User-mode Linux is started as a
 * process (scripts/process-guest.sh); this machine's own kernel is the one that runs; all others
 * are emulated, which takes hours (scripts/kernel-guest.sh). Writes
 * test/results/kernel-VERSION.json, and docs/kernels.md and docs/reliability.md from all of these.
 * Ends with 1 when a test failed.
 */
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { guest, here } from './guest/run.mjs';
import { PARTS, PROCESS_PARTS } from './kernels/parts.mjs';
import { countsOf, readWords, runVersions } from './kernels/suite.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const PROGRAMS = ['5.10', '6.1', '6.12', '7.2', '7.3'];
const OWN = release().split('.').slice(0, 2).join('.');

const partsOf = (version) => (PROGRAMS.includes(version) ? PROCESS_PARTS : PARTS);
const asked = readWords([...new Set([...PROGRAMS, OWN])], partsOf);

/** Tests that use up all descriptors would take minutes where there may be a million. */
const suite = (parts, ...options) => [
  'ulimit -n 20000',
  'node scripts/kernels/facts.mjs',
  `node scripts/kernels/run-suite.mjs ${[...options, ...parts].join(' ')}`,
];

/** One CPU, and calls of the system cost more in a process. */
const inProcess = { GUEST_KIND: 'a process', GUEST_TIMEOUT: '3600', GUEST_MEMORY: '5000' };

function run(version, folder, parts) {
  if (version === OWN) return here(folder, suite(parts), { GUEST_KIND: 'this machine' });
  if (!PROGRAMS.includes(version)) return guest(version, folder, suite(parts, '--emulated'));
  const commands = suite(parts, '--slow');
  return guest(version, folder, commands, inProcess, 'scripts/process-guest.sh');
}

await runVersions('kernel', asked, run, countsOf);
