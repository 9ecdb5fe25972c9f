/**
 * Runs the promises on each version of Node that is supported, on this machine:
 * `test-runtimes.mjs [VERSION...] [-- PART...]`. Each comes from the npm package `node`. Writes
 * test/results/runtime-VERSION.json and docs/reliability.md. Ends with 1 when a test failed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readWords, runVersions } from './kernels/suite.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const asked = readWords(['20', '22', '24', '26'], ['test/promises']);
const cache = process.env.RUNTIMES_CACHE ?? join(tmpdir(), 'nearmetal-runtimes');

/** The program of a version, installed once. */
function nodeOf(version) {
  const folder = join(cache, `node-${version}`);
  const program = join(folder, 'node_modules/node/bin/node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const install = ['install', '--no-audit', '--no-fund', '--prefix', folder, `node@${version}`];
    execFileSync('npm', install, { stdio: ['ignore', 2, 2] });
  }
  return program;
}

function printed(version, folder) {
  const run = (...command) =>
    spawnSync(nodeOf(version), command, {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, GUEST_PROCESSES: '2' },
    }).stdout.split('\n');
  const facts = run('scripts/kernels/facts.mjs');
  return [...facts, ...run('scripts/kernels/run-suite.mjs', ...asked.parts)];
}

await runVersions('runtime', asked, printed, (version, result) => {
  return `Node ${version}: ${result.passed} passed, ${result.failed.length} failed`;
});
