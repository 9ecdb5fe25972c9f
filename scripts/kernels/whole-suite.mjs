/** The whole suite under one version of Node, in this checkout, as `npm test` runs it. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, dirname, relative } from 'node:path';
import { RESULTS } from './tables.mjs';

const REPORT = 'build/test-results.json';

/** Writes test/results/whole-VERSION.json; answers how many tests failed. `path` is that Node. */
export function runWhole(version, path) {
  writeFileSync(REPORT, '{"testResults":[]}');
  const env = { ...process.env, PATH: `${dirname(path)}${delimiter}${process.env.PATH}` };
  spawnSync(path, ['node_modules/vitest/vitest.mjs', 'run'], { stdio: ['ignore', 2, 2], env });
  const { testResults } = JSON.parse(readFileSync(REPORT, 'utf8'));
  const counts = { passed: 0, skipped: 0 };
  const failed = [];
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative(process.cwd(), name);
    const add = (test, error = '') =>
      failed.push({ file, name: test, error: error.split('\n')[0].slice(0, 200) });
    for (const test of assertionResults) {
      if (test.status === 'failed') add(test.fullName, test.failureMessages[0]);
      else counts[test.status === 'passed' ? 'passed' : 'skipped']++;
    }
    if (status === 'failed' && assertionResults.length === 0) add('', message);
  }
  const node = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const date = new Date().toISOString().slice(0, 10);
  const files = testResults.length;
  const result = { node, kernel: release(), date, files, ...counts, failed };
  writeFileSync(`${RESULTS}/whole-${version}.json`, `${JSON.stringify(result, null, 1)}\n`);
  console.log(`Node ${version}: ${counts.passed} passed, ${failed.length} failed`);
  return failed.length + (files === 0 ? 1 : 0);
}
