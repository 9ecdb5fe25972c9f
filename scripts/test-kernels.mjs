/**
 * Runs the suite on other kernels, each in a guest (scripts/kernel-guest.sh), one after the other:
 * `test-kernels.mjs [VERSION...] [-- PART...]`, where a part is the start of a test file's path.
 * Writes test/results/kernel-VERSION.json, and docs/kernels.md and docs/reliability.md from all of
 * these. Ends with 1 when a test failed.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PARTS } from './kernels/parts.mjs';
import { readWords, runVersions } from './kernels/suite.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const asked = readWords(['5.10', '6.1', '6.12', '6.18', '7.3'], PARTS);

const settings = {
  GUEST_TIMEOUT: '3600',
  GUEST_MEMORY: '3072',
  GUEST_SCRATCH: '800',
  GUEST_PROGRAMS: 'flock setpriv prlimit',
  ...process.env,
};

/** What the guest does: the kernel's own complaints come last. */
const commands = [
  'node scripts/kernels/facts.mjs',
  `node scripts/kernels/run-suite.mjs --emulated ${asked.parts.join(' ')}`,
  "dmesg | grep -iE 'lockup|BUG:|WARNING:|Oops|rcu.*stall' | head -20 | sed 's/^/DMESG /'",
].join('\n');

async function guest(version, folder) {
  const child = spawn('scripts/kernel-guest.sh', [version, folder, commands], {
    env: settings,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith('FILE ')) console.error(`${version}: ${JSON.parse(line.slice(5)).file}`);
  }
  return lines;
}

await runVersions('kernel', asked, guest, (version, result) => {
  const skipped = Object.values(result.skipped).reduce((sum, count) => sum + count, 0);
  return (
    `${version}: ${result.passed} passed, ${skipped} skipped by name, ${result.failed.length} ` +
    `failed, ${result.notReached.length} files not reached`
  );
});
