/**
 * Runs test files one after the other in this process, `run-files.mjs FILE...`: vitest's own tests
 * and assertions without the rest of it, which takes minutes to start in an emulated machine.
 * Prints a line as each file begins and as it ends: a guest that dies has said which one it was.
 */
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

const line = (kind, value) => process.stdout.write(`\n${kind} ${JSON.stringify(value)}\n`);

/** Shorter than what ends this process. */
const LIMIT_MS = Number(process.env.SUITE_SILENT_MS ?? 300_000) - 20_000;
/** How many descriptors there may be while tests run, where it is few: their import takes more. */
const FEW_FILES = process.env.SUITE_NOFILE;

function limitFiles(count) {
  if (FEW_FILES === undefined) return;
  const command = `prlimit --pid ${process.pid} --nofile=${count}:`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

const config = {
  root: process.cwd(),
  setupFiles: [],
  sequence: { seed: 1, hooks: 'stack', setupFiles: 'parallel' },
  expect: {},
  // Side by side on one slow CPU, each would take longer than it may.
  maxConcurrency: process.env.NEARMETAL_SLOW ? 1 : 5,
  testTimeout: LIMIT_MS,
  hookTimeout: LIMIT_MS,
  retry: 0,
  passWithNoTests: true,
  tags: [],
  snapshotOptions: {},
  experimental: {},
};
// What vitest's process for tests gives to the parts of it that are used here.
Reflect.set(globalThis, '__vitest_worker__', {
  config,
  ctx: {},
  environment: { name: 'node' },
});
const { TestRunner } = await import('vitest');
const { startTests } = await import('@vitest/runner');

class Runner extends TestRunner {
  trace = undefined;
  onCleanupWorkerContext() {}
  getImportDurations() {
    return {};
  }
  onBeforeTryTask() {}
  onAfterTryTask() {}
  onBeforeRunFiles() {
    limitFiles(FEW_FILES);
  }
  onAfterRunFiles() {
    limitFiles('$(ulimit -Hn)');
  }
  onBeforeRunSuite() {}
  onAfterRunSuite() {}
  onCollectStart() {}
  onAfterRunTask() {}
  importFile(path) {
    return import(pathToFileURL(path).href);
  }
  onTaskFinished(test) {
    line('TEST', { name: test.fullTestName, state: test.result?.state });
  }
}

function outcome(test) {
  const { state = 'run', note, errors = [], duration } = test.result ?? {};
  const name = test.fullTestName;
  if (test.mode === 'skip' || state === 'skip') {
    return { name, state: 'skipped', reason: note ?? 'not said' };
  }
  if (state === 'pass') return { name, state: 'passed', ms: Math.round(duration) };
  const [{ message = 'it did not end', stack = '', name: kind, feature } = {}] = errors;
  // The library itself names what this kernel lacks.
  if (kind === 'UnsupportedError') return { name, state: 'skipped', reason: feature };
  return { name, state: 'failed', error: `${message}`.slice(0, 1500), stack: stack.slice(0, 1500) };
}

const testsOf = (task) => (task.type === 'test' ? [task] : task.tasks.flatMap(testsOf));

const stray = [];
process.on('uncaughtException', (error) => stray.push(`${error?.stack ?? error}`.slice(0, 1500)));
process.on('unhandledRejection', (error) => stray.push(`${error?.stack ?? error}`.slice(0, 1500)));

// A test that waits for what never comes has to reach its limit.
setInterval(() => undefined, 60_000);

const { features } = await import('nearmetal/features');

for (const path of process.argv.slice(2)) {
  const file = path.replace(/\.js$/, '.ts');
  line('FILE', { file });
  if (file.startsWith('test/ring/') && !features.ioUring.available) {
    const tests = [{ name: 'all of it', state: 'skipped', reason: 'io_uring' }];
    line('RESULT', { file, ms: 0, tests, errors: [] });
    continue;
  }
  const started = Date.now();
  const [task] = await startTests([`${process.cwd()}/${path}`], new Runner(config));
  const errors = (task.result?.errors ?? []).map(({ message, stack }) => stack ?? message);
  errors.push(...stray.splice(0));
  line('RESULT', { file, ms: Date.now() - started, tests: testsOf(task).map(outcome), errors });
}
process.exit(0);
