/**
 * Runs the promises on each version of Node that is supported, on this machine:
 * `test-runtimes.mjs [VERSION...] [-- PART...]`. Each comes from the npm package `node`. Writes
 * test/results/runtime-VERSION.json and docs/reliability.md. Ends with 1 when a test failed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow } from './files.mjs';
import { collect } from './kernels/collect.mjs';
import { writePages } from './kernels/pages.mjs';
import { stage } from './kernels/stage.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const VERSIONS = ['20', '22', '24', '26'];
const words = process.argv.slice(2);
const split = words.indexOf('--');
const named = split < 0 ? words : words.slice(0, split);
const versions = named.length > 0 ? named : VERSIONS;
const parts = split < 0 ? ['test/promises'] : words.slice(split + 1);
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
    const run = (...command) =>
      spawnSync(nodeOf(version), command, {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, GUEST_PROCESSES: '2' },
      }).stdout.split('\n');
    const lines = run('scripts/kernels/facts.mjs');
    const result = collect([...lines, ...run('scripts/kernels/run-suite.mjs', ...parts)], asked);
    const date = new Date().toISOString().slice(0, 10);
    const written = { asked: version, date, commit, ...result };
    writeFileSync(`test/results/runtime-${version}.json`, `${JSON.stringify(written, null, 1)}\n`);
    failures += result.failed.length;
    console.log(`Node ${version}: ${result.passed} passed, ${result.failed.length} failed`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writePages();
process.exitCode = failures > 0 ? 1 : 0;
