/** Promise 24: rights that are given up are given up for the ring. */
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { runPolled } from '../support/polled.js';
import { runFixture } from '../support/process.js';

needs('io_uring');

test('operations run with the rights that were registered', async () => {
  needs('root');
  const { stdout, stderr, code } = await runFixture('ring-credentials', ['personality']);
  expect({ stdout, stderr, code }).toEqual({
    stdout: 'EACCES without, 6 bytes with\n',
    stderr: '',
    code: 0,
  });
});

test('a kernel thread does nothing with rights given up', async (context) => {
  needs('root');
  expect(await runPolled(context, 'ring-credentials', ['sqpoll'])).toEqual({
    stdout:
      'before: 6 bytes\nqueued before, submitted after: EPERM\n' +
      'a close likewise: EPERM, closed all the same\n' +
      'after: ERR_NEARMETAL_CREDENTIALS, close the ring and open another one, ' +
      'after setuid and setgid\nwithout sqpoll: EACCES\nclosed\n',
    stderr: '',
    code: 0,
  });
});
