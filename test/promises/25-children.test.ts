/**
 * Promise 25: no descriptor and no ring leaks to a child, and raw descriptors stay as they came.
 */
import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';
import { passes, SHIPPED } from '../support/process.js';

/** What children have without the library: whoever started the tests may have left some open. */
function inherited(): string {
  const listing = String(spawnSync('ls', ['-l', '/proc/self/fd']).stdout);
  return [...listing.matchAll(/(\d+ )-> (.*)$/gm)]
    .map(([, fd, target]) => `${fd}${target}`)
    .join('\n');
}

const env = { NEARMETAL_INHERITED: inherited() };
const run = (...words: string[]) => passes('promises/children', words, { env });
/** The seam keeps a copy of the queues, which a kernel thread that submits does not know. */
const withoutSeam = { env: { ...env, NEARMETAL_ADDON: SHIPPED } };

describe.concurrent('a child has its standard streams and nothing else', () => {
  test.each(['uv', 'thread', 'own'])('in every state of a process with loop: %s', (loop) =>
    run('states', loop),
  );
  test.skipIf(process.env.NEARMETAL_SANITIZED)('where a kernel thread submits', () =>
    passes('promises/children', ['sqpoll'], withoutSeam),
  );
  test.each(['uv', 'thread'])('while another thread makes descriptors, loop: %s', (loop) =>
    run('race', loop),
  );
});

test.concurrent.each(['uv', 'thread'])('raw descriptors keep their flags, loop: %s', (loop) =>
  run('raw', loop),
);
