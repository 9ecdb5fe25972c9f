/** The whole suite under one version of Node, in this checkout, as `npm test` runs it. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, dirname, relative } from 'node:path';
import { counted, knownIn, sum } from './collect.mjs';
import { RESULTS } from './tables.mjs';

const REPORT = 'build/test-results.json';

/** A file of vitest's report; it does not say why a test was skipped, the console does. */
function outcome({ name, status, message, assertionResults }) {
  const tests = assertionResults.map(({ fullName, status: state, failureMessages: [error] }) => ({
    name: fullName,
    state: ['passed', 'failed'].includes(state) ? state : 'skipped',
    reason: 'not said',
    error: error ?? '',
  }));
  const errors = status === 'failed' && tests.length === 0 ? [message] : [];
  return counted({ file: relative(process.cwd(), name), tests, errors });
}

/**
 * Writes test/results/whole-VERSION.json; answers how many tests failed. `path` is that Node. Where
 * parts are named, what is known of the other files stays.
 */
export function runWhole(version, path, parts = []) {
  const known = `${RESULTS}/whole-${version}.json`;
  const byFile = parts.length > 0 ? knownIn(known) : {};
  writeFileSync(REPORT, '{"testResults":[]}');
  const env = { ...process.env, PATH: `${dirname(path)}${delimiter}${process.env.PATH}` };
  const words = ['node_modules/vitest/vitest.mjs', 'run', ...parts];
  spawnSync(path, words, { stdio: ['ignore', 2, 2], env });
  const { testResults } = JSON.parse(readFileSync(REPORT, 'utf8'));
  for (const file of testResults) byFile[relative(process.cwd(), file.name)] = outcome(file);
  const result = {
    node: spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim(),
    kernel: release(),
    date: new Date().toISOString().slice(0, 10),
    ...sum(Object.values(byFile)),
    byFile,
  };
  writeFileSync(known, `${JSON.stringify(result, null, 1)}\n`);
  const { passed, failed } = result;
  console.log(`Node ${version}: ${passed} passed, ${failed.length} failed`);
  return failed.length + (testResults.length === 0 ? 1 : 0);
}
