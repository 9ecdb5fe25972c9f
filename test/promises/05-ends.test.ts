/** Promise 5: nothing outlives the process, however it ends. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { alone } from '../support/hugepages.js';
import { needs } from '../support/needs.js';
import { passes, runFixture } from '../support/process.js';

needs('io_uring');

const SHARED = ['/dev/shm', '/dev/mqueue', '/dev/hugepages'];

/** What a process could leave behind on this machine. */
function leftovers(): unknown {
  const huge = /HugePages_(?:Total|Free|Rsvd).*/g;
  return {
    files: SHARED.map((path) => (existsSync(path) ? readdirSync(path).sort() : [])),
    pages: readFileSync('/proc/meminfo', 'utf8').match(huge),
  };
}

const WAYS: Record<string, { code: number | null; signal: NodeJS.Signals | null }> = {
  exit: { code: 7, signal: null },
  throw: { code: 1, signal: null },
  rejection: { code: 1, signal: null },
  abort: { code: null, signal: 'SIGABRT' },
  kill: { code: null, signal: 'SIGKILL' },
  term: { code: null, signal: 'SIGTERM' },
  natural: { code: 9, signal: null },
};

test.each(Object.entries(WAYS))('after %s nothing is left, 8 times', async (way, right) => {
  const under = ['prlimit', '--core=0'];
  // What other tests reserve meanwhile would count as left.
  await alone(async () => {
    const before = leftovers();
    for (let round = 0; round < 4; round++) {
      const pair = [0, 1].map(() => runFixture('promises/ends', [way], { under }));
      for (const ended of await Promise.all(pair)) {
        expect({ code: ended.code, signal: ended.signal }, ended.stderr).toEqual(right);
      }
    }
    expect(leftovers()).toEqual(before);
  });
});

test('the next start works', () => passes('promises/ends', ['start']));
