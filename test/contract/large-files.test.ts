/** Sizes that no call takes at once, and as many files as a process may have; both ways. */
import { execSync } from 'node:child_process';
import { describe, test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

/** As many as may be opened here, up to 20,000; the process has some of its own. */
const LIMIT = Math.min(
  20_200,
  Number(execSync('ulimit -Hn', { shell: '/bin/sh' }).toString()) || 20_200,
);
const MANY = LIMIT - 200;

describe.each(['io_uring', 'threads'])('files over %s', (way) => {
  const env = way === 'threads' ? { NEARMETAL_DISABLE: 'io_uring' } : {};
  if (way === 'io_uring') needs('io_uring', 'memlock');
  needs('node:fs');

  test('more than 2 GiB in one call', () => passes('fs-large', ['asked'], { env }));

  test.runIf(process.env.NEARMETAL_LARGE)('2 GiB, read and written', () =>
    passes('fs-large', ['sizes'], { env }),
  );

  test('as many files open as can be, and one too many', () => {
    needs('program:prlimit', 'proc');
    const under = ['prlimit', `--nofile=${LIMIT}:${LIMIT}`];
    return passes('fs-large', ['many', `${MANY}`], { env, under });
  });
});
