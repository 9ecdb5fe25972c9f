/** Logs on disks that are really full, where the kernel itself makes the errors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, test } from 'vitest';
import { needs } from '../support/needs.js';
import { type FixtureOptions, passes } from '../support/process.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nearmetal-log-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** With mounts that nobody else sees, and that go with the process. */
const under = ['unshare', '--mount'];
const ways: [string, NodeJS.ProcessEnv][] = [
  ['io_uring', {}],
  ['helper threads', { NEARMETAL_DISABLE: 'io_uring' }],
];
const fails = (mode: string, options: FixtureOptions): Promise<void> =>
  passes('log-full-disk', [mode, folder()], options);

test.each(ways)('over %s: a full disk refuses records and costs none', async (_, env) => {
  needs('root', 'program:unshare', 'program:mount');
  await fails('full', { env, under });
});

test.each(ways)('over %s: a write cut short at a limit is cut away', async (_, env) => {
  needs('program:prlimit');
  await fails('limit', { env, under: ['prlimit', '--fsize=200000'] });
});

test.each(ways)('over %s: after a failed sync the log recovers from the disk', async (_, env) => {
  needs('root', 'program:unshare', 'program:mount', 'program:mkfs.ext4');
  await fails('lost', { env, under });
});

const failing = ways.flatMap(([way, env]) =>
  (['error', 'flakey'] as const).map((target) => [way, target, env] as const),
);

test.each(failing)(
  'over %s: a device that becomes dm-%s costs no record',
  async (_, target, env) => {
    needs('root', 'program:unshare', 'program:mount', 'program:mkfs.ext4', 'dm-flakey');
    await passes('log-failing-device', [target, folder()], { env, under });
  },
);
