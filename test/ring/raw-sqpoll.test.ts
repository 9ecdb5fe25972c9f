/** A raw ring with a kernel thread: told of nothing while it is awake, and woken when it is not. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { runFixture } from '../support/process.js';

test('no system call while the thread is awake, nothing lost when it is not', async (context) => {
  needs('setup:SQPOLL');
  context.skip(!!process.env.NEARMETAL_SANITIZED, 'the fault schedule does not know such rings');
  const addon = fileURLToPath(new URL('../../build/Release/nearmetal.node', import.meta.url));
  const { stdout, stderr, code } = await runFixture('ring-raw-sqpoll', [], {
    env: { NEARMETAL_ADDON: addon },
  });
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const { awake, asleep, missing } = JSON.parse(stdout);
  expect(awake).toBeLessThan(10);
  expect(asleep).toBeGreaterThan(5);
  expect(missing).toBe(0);
});
