/** What runs of the suite on other kernels and on other versions of Node have in common. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesBelow } from '../files.mjs';
import { collect, knownIn } from './collect.mjs';
import { writePages } from './pages.mjs';
import { stage } from './stage.mjs';

/**
 * `[VERSION...] [-- PART...]`, a part being the start of a test file's path; where none is named,
 * all of them: `whole`, or what that answers for a version.
 */
export function readWords(versions, whole) {
  const words = process.argv.slice(2);
  const split = words.indexOf('--');
  const named = split < 0 ? words : words.slice(0, split);
  return {
    versions: named.length > 0 ? named : versions,
    parts: split < 0 ? undefined : words.slice(split + 1),
    whole: typeof whole === 'function' ? whole : () => whole,
  };
}

/**
 * Has `run(version, folder, parts)` answer what the staged suite printed for each version, and
 * writes test/results/KIND-VERSION.json, then the pages of all. `say` tells of each result. Where
 * parts are named, what is known of the others stays. A version of which nothing ran is not
 * written. The process ends with 1 when a test failed.
 * `machine` is what the suite is staged for, where that is not this one.
 */
export async function runVersions(kind, { versions, parts, whole }, run, say, machine) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const tests = filesBelow('test').filter((path) => path.endsWith('.test.ts'));
  const folder = mkdtempSync(join(tmpdir(), 'nearmetal-suite-'));
  let failures = 0;
  try {
    await stage(folder, machine);
    mkdirSync('test/results', { recursive: true });
    for (const version of versions) {
      const path = `test/results/${kind}-${version}.json`;
      const all = whole(version);
      const asked = tests.filter((test) => all.some((part) => test.startsWith(part)));
      const lines = await run(version, folder, parts ?? all);
      const before = parts === undefined ? {} : knownIn(path);
      const { reached, ...result } = collect(lines, asked, before);
      if (reached === 0) {
        console.error(`${version}: nothing was run, so nothing is written`);
        failures++;
        continue;
      }
      const date = new Date().toISOString().slice(0, 10);
      const written = { asked: version, date, commit, ...result };
      writeFileSync(path, `${JSON.stringify(written, null, 1)}\n`);
      failures += result.failed.length;
      console.log(say(version, result));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  writePages();
  if (failures > 0) process.exitCode = 1;
}

/** A result in one line. */
export function countsOf(version, result) {
  const skipped = Object.values(result.skipped).reduce((sum, count) => sum + count, 0);
  return (
    `${version}: ${result.passed} passed, ${skipped} skipped by name, ${result.failed.length} ` +
    `failed, ${result.notReached.length} files not reached`
  );
}
