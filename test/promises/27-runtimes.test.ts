/**
 * Promise 27: runtimes that cannot work are refused, not crashed. Bun and Deno abort the process
 * when some of libuv is called, so nothing of it may be reached there: the dynamic linker is asked.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { needs } from '../support/needs.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fixture = '.dev/test/fixtures/promises/runtimes.js';

interface Ended {
  readonly said: string;
  /** What of libuv was looked up for the addon. */
  readonly uv: readonly string[];
}

/** Runs the fixture, which has to end by itself and well. */
function run(command: readonly string[], words: readonly string[], env = {}): Ended {
  const folder = mkdtempSync(join(tmpdir(), 'nearmetal-linker-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [program = '', ...rest] = [...command, fixture, ...words];
  const { stdout, stderr, status, signal } = spawnSync(program, rest, {
    cwd: root,
    encoding: 'utf8',
    timeout: process.env.NEARMETAL_SLOW ? 240_000 : 60_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, LD_DEBUG: 'bindings', LD_DEBUG_OUTPUT: join(folder, 'bound'), ...env },
  });
  expect({ status, signal }, `${stdout}${stderr}`).toEqual({ status: 0, signal: null });
  const bound = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const lookups = /nearmetal\w*\.node .* symbol `(uv_\w+)'/g;
  const uv = bound.flatMap((text) => [...text.matchAll(lookups)].map(([, name]) => name as string));
  return { said: stdout, uv };
}

const node = [process.execPath, '--no-warnings'];
const WITHOUT = { NEARMETAL_DISABLE: 'io_uring' };
const REASON = /the node:fs of Deno knows no descriptors of others.*run it on Node or Bun/;

test('on Node the loop is watched by libuv, which the linker tells', () => {
  needs('node', 'io_uring');
  expect(run(node, ['works']).uv).toContain('uv_poll_init');
});

describe('Node that says it is another runtime', () => {
  test.each(['bun', 'deno'])('%s: all works, and nothing of libuv is reached', (name) => {
    needs('node', 'io_uring');
    const { said, uv } = run(node, ['works', name]);
    expect(said).toMatch(/^passed$/m);
    expect(uv).toEqual([]);
  });
  test('deno, without io_uring: files are refused with the reason', () => {
    needs('node');
    expect(run(node, ['refused', 'deno'], WITHOUT).said).toMatch(REASON);
  });
});

describe.each([
  ['bun', ['bun']],
  ['deno', ['deno', 'run', '-A']],
] as const)('%s itself', (name, command) => {
  test('all works, and nothing of libuv is reached', () => {
    needs(`program:${name}`);
    const { said, uv } = run(command, ['works']);
    expect(said).toMatch(/^passed$/m);
    expect(uv).toEqual([]);
  });
  test('it ends with all open and in use', () => {
    needs(`program:${name}`);
    run(command, ['leaves']);
  });
  test.runIf(name === 'deno')('files are refused without io_uring, with the reason', () => {
    needs('program:deno');
    expect(run(command, ['refused'], WITHOUT).said).toMatch(REASON);
  });
});
