/**
 * Runs the suite on other kernels, each in a guest (scripts/kernel-guest.sh), one after the other:
 * `test-kernels.mjs [VERSION...] [-- PART...]`, where a part is the start of a test file's path.
 * Writes test/results/kernel-VERSION.json, and docs/kernels.md and docs/reliability.md from all of
 * these. Ends with 1 when a test failed.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { filesBelow } from './files.mjs';
import { collect } from './kernels/collect.mjs';
import { writePages } from './kernels/pages.mjs';
import { stage } from './kernels/stage.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const KERNELS = ['5.10', '6.1', '6.12', '6.18', '7.3'];
const PARTS = [
  'ring',
  'features',
  'fd',
  'epoll',
  'shared',
  'memory',
  'numa',
  'promises',
  'contract',
];

const words = process.argv.slice(2);
const split = words.indexOf('--');
const named = split < 0 ? words : words.slice(0, split);
const versions = named.length > 0 ? named : KERNELS;
const parts = split < 0 ? PARTS.map((part) => `test/${part}`) : words.slice(split + 1);

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
  `node scripts/kernels/run-suite.mjs --emulated ${parts.join(' ')}`,
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

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const asked = parts.flatMap((part) =>
  filesBelow('test').filter((path) => path.startsWith(part) && path.endsWith('.test.ts')),
);
const folder = mkdtempSync(join(tmpdir(), 'nearmetal-suite-'));
let failures = 0;
try {
  await stage(folder);
  mkdirSync('test/results', { recursive: true });
  for (const version of versions) {
    const result = collect(await guest(version, folder), asked);
    if (result.files === 0) {
      console.error(`${version}: nothing was run, so nothing is written`);
      failures++;
      continue;
    }
    const date = new Date().toISOString().slice(0, 10);
    const written = { asked: version, date, commit, ...result };
    writeFileSync(`test/results/kernel-${version}.json`, `${JSON.stringify(written, null, 1)}\n`);
    failures += result.failed.length;
    const skipped = Object.values(result.skipped).reduce((sum, count) => sum + count, 0);
    console.log(
      `${version}: ${result.passed} passed, ${skipped} skipped by name, ${result.failed.length} ` +
        `failed, ${result.notReached.length} files not reached`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writePages();
process.exitCode = failures > 0 ? 1 : 0;
