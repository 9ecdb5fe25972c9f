/** A raw ring with a kernel thread: told of nothing while it is awake, and woken when it is not. */
import { expect, test } from 'vitest';
import { runPolled } from '../support/polled.js';

test('no system call while the thread is awake, nothing lost when it is not', async (context) => {
  const { stdout, stderr, code } = await runPolled(context, 'ring-raw-sqpoll');
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const { awake, asleep, missing } = JSON.parse(stdout);
  expect(awake).toBeLessThan(10);
  expect(asleep).toBeGreaterThan(5);
  expect(missing).toBe(0);
});
