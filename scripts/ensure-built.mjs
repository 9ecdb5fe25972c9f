/**
 * Builds what is missing or older than its sources: `ensure-built.mjs [native] [ts] [--force]`.
 * All that it says goes to standard error, so that a program's own output stays clean.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { newest } from './files.mjs';
import { missingTools, root, runNodeGyp } from './native-build.mjs';

const words = process.argv.slice(2);
const all = !words.includes('native') && !words.includes('ts');
const force = words.includes('--force');

/** One build at a time in one checkout: the second caller waits, then finds everything there. */
function underLock() {
  if (process.env.NEARMETAL_BUILD_LOCKED) return undefined;
  mkdirSync('build', { recursive: true });
  const args = ['build/.lock', process.execPath, fileURLToPath(import.meta.url), ...words];
  const env = { ...process.env, NEARMETAL_BUILD_LOCKED: '1' };
  const result = spawnSync('flock', args, { stdio: ['ignore', 2, 2], env });
  return result.error ? undefined : (result.status ?? 1);
}

function stale(stamp, outputs, sources) {
  if (force || !existsSync(stamp) || outputs.some((path) => !existsSync(path))) return true;
  return newest(sources) > statSync(stamp).mtimeMs;
}

/** Code 2: built, with type errors. Fine for a look at the work in progress, never up to date. */
const TYPE_ERRORS = 2;

/** The stamp has the time at which the build started: a file saved meanwhile is newer. */
function build(label, stamp, run) {
  const started = Date.now();
  console.error(`building ${label} ...`);
  const code = run();
  if (code === TYPE_ERRORS && !force) return 0;
  if (code !== 0) return code;
  writeFileSync(stamp, '');
  utimesSync(stamp, started / 1000, started / 1000);
  console.error(`built ${label} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return 0;
}

function native() {
  const code = runNodeGyp(['configure', '--', '-Dnearmetal_seam=1'], { quiet: true });
  const built = code === 0 ? runNodeGyp(['build', '--jobs', 'max'], { quiet: true }) : code;
  // gyp leaves a second copy where node-gyp-build looks; only the release build may lie there.
  rmSync('build/Release/nearmetal_seam.node', { force: true });
  const missing = built === 0 ? [] : missingTools();
  if (missing.length > 0) console.error(`missing: apt-get install ${missing.join(' ')}`);
  return built;
}

function typescript() {
  return (
    spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] }).status ?? 1
  );
}

function ensure() {
  const addons = ['build/Release/nearmetal.node', 'build/seam/nearmetal_seam.node'];
  const own = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs'];
  const programs = ['bench', 'examples', 'test/fixtures'];
  let code = 0;
  if (
    (all || words.includes('native')) &&
    stale('build/.stamp', addons, ['native', 'binding.gyp'])
  ) {
    code = build('the addon', 'build/.stamp', native);
  }
  if (
    (all || words.includes('ts')) &&
    stale('dist/.stamp', ['dist/index.js'], ['lib', ...programs, ...own])
  ) {
    code = build('dist/', 'dist/.stamp', typescript) || code;
  }
  return code;
}

process.chdir(root);
process.exitCode = underLock() ?? ensure();
