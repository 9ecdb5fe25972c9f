/** Promise 4: a failed or partial submit loses nothing, doubles nothing, hangs nothing. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { OWN_RINGS } from '../support/needs.js';
import { outputOf, passes } from '../support/process.js';

/** Installed where that can be; where not, the tests below are skipped by name and say why. */
function haveStrace(): boolean {
  const works = (): boolean => spawnSync('strace', ['-V']).status === 0;
  if (!works()) spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'strace']);
  if (works()) return true;
  console.error('NOT TESTED: strace is missing and could not be installed (apt install strace)');
  return false;
}

const concurrent = { concurrent: true };

const injections: Record<string, string[]> = {
  'EAGAIN every third time': ['error=EAGAIN:when=1+3'],
  'EBUSY every second time': ['error=EBUSY:when=2+2'],
  'EINTR every second time': ['error=EINTR:when=2+2'],
  'EINTR thirty times in a row': ['error=EINTR:when=3..33'],
  'EAGAIN fifty times in a row': ['error=EAGAIN:when=2..52'],
  'nothing taken, the first time': ['retval=0:when=1'],
  'nothing taken, every fourth time': ['retval=0:when=3+4'],
};

describe.skipIf(!haveStrace())('10,000 reads, io_uring_enter answers', concurrent, () => {
  test.for(Object.entries(injections))('%s', async ([name, [injection]], { skip }) => {
    skip(OWN_RINGS && !name.startsWith('EINTR'), 'a Node without rings of its own');
    const under = ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e'];
    const inject = `inject=io_uring_enter:${injection}`;
    const output = await outputOf('promises/reads', ['reads'], {
      under: [...under, 'trace=io_uring_enter', '-e', inject],
    });
    expect(JSON.parse(output.split('\n')[0] as string)).toMatchObject({
      inFlight: 0,
      stale: 0,
      leaked: 0,
    });
  });
});

test('10,000 reads with nothing injected', () => passes('promises/reads', ['reads']));
