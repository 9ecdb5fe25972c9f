/** Promise 2: a worker may end at any moment with operations in flight. */
import { describe, expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes, runFixture } from '../support/process.js';

needs('io_uring');

/** Most of a minute on two quiet processors; only what hangs takes this long. */
const HANGS_MS = process.env.NEARMETAL_SANITIZED ? 100_000 : 300_000;

describe.concurrent('many workers end by terminate, process.exit, throw or by themselves', () => {
  test.each(['uv', 'thread', 'own'])('with loop: %s', { timeout: HANGS_MS + 5000 }, (loop) =>
    passes('promises/workers', ['many', loop, '168'], { limitMs: HANGS_MS }),
  );
  test('stopped while they start', () => passes('promises/workers', ['early']));
  test('stopped while they load the library', () => passes('promises/loading', ['loading', '16']));
  test('where the main thread never loads the addon', async () => {
    const ended = await runFixture('promises/alone');
    expect(ended).toMatchObject({ code: 0, signal: null, stdout: 'passed\n' });
  });
});
