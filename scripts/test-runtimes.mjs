/**
 * Runs the promises on each version of Node that is supported, and the contract on Bun and Deno, on
 * this machine: `test-runtimes.mjs [RUNTIME...] [-- PART...]`, a runtime being `bun`, `deno` or a
 * version of Node. Each comes from the npm package of its name. Writes
 * test/results/runtime-RUNTIME.json and docs/reliability.md. Ends with 1 when a test failed.
 * `--whole [VERSION...] [-- PART...]` runs the whole suite instead, as `npm test` does: 12 minutes
 * for each.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePages } from './kernels/pages.mjs';
import { readWords, runVersions } from './kernels/suite.mjs';
import { runWhole } from './kernels/whole-suite.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** Those that are not Node: what is installed, and how a module and the tests are run. */
const others = {
  bun: { install: 'bun', program: '.bin/bun', run: [], tests: ['--expose-gc'] },
  deno: {
    install: 'deno',
    program: '.bin/deno',
    run: ['run', '-A'],
    tests: ['run', '-A', '--v8-flags=--expose-gc'],
  },
};

/** A test that has said nothing for so long hangs: no test waits for an emulated machine here. */
const SUITE_SILENT_MS = '100000';

const WHOLE = process.argv[2] === '--whole';
if (WHOLE) process.argv.splice(2, 1);
const asked = readWords(['20', '22', '24', '26', ...Object.keys(others)], []);
const cache = process.env.RUNTIMES_CACHE ?? join(tmpdir(), 'nearmetal-runtimes');

/** How a runtime is started, which is installed once. */
function commandOf(runtime) {
  const node = { install: `node@${runtime}`, program: 'node/bin/node', run: [] };
  const { install, program, run, tests = ['--expose-gc'] } = others[runtime] ?? node;
  const folder = join(cache, install);
  const path = join(folder, 'node_modules', program);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const words = ['install', '--no-audit', '--no-fund', '--prefix', folder, install];
    execFileSync('npm', words, { stdio: ['ignore', 2, 2] });
  }
  return { path, run, tests };
}

/** Bun and Deno themselves are started by the test of promise 27. */
const PATH = asked.versions
  .filter((runtime) => runtime in others)
  .map((runtime) => dirname(commandOf(runtime).path))
  .concat(process.env.PATH ?? '')
  .join(delimiter);

function printed(runtime, folder, parts) {
  const { path, run, tests } = commandOf(runtime);
  const SUITE_RUNTIME = JSON.stringify([path, ...tests, '--conditions=sources']);
  const lines = (program, ...words) =>
    spawnSync(program, words, {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PATH, GUEST_PROCESSES: '2', SUITE_SILENT_MS, SUITE_RUNTIME },
    }).stdout.split('\n');
  const facts = lines(path, ...run, 'scripts/kernels/facts.mjs');
  return [...facts, ...lines(process.execPath, 'scripts/kernels/run-suite.mjs', ...parts)];
}

const isOther = (runtime) => runtime in others;

/** `kind` is how the results are named; `parts` what is run where nothing is asked for. */
async function all(kind, versions, parts) {
  if (versions.length === 0) return;
  const wanted = { versions, parts: asked.parts, whole: () => parts };
  await runVersions(kind, wanted, printed, (runtime, { passed, failed }) => {
    const name = isOther(runtime) ? runtime : `Node ${runtime}`;
    return `${name}: ${passed} passed, ${failed.length} failed`;
  });
}

const nodes = asked.versions.filter((runtime) => !isOther(runtime));
if (WHOLE) {
  const failures = nodes.map((version) => runWhole(version, commandOf(version).path, asked.parts));
  if (failures.some((count) => count > 0)) process.exitCode = 1;
  writePages();
} else {
  await all('runtime', nodes, ['test/promises']);
  // Half of the promises are of how Node ends: of these it is the contract.
  await all('other', asked.versions.filter(isOther), ['test/contract']);
}
