/** Runs a fixture as a process of its own: how it ends is what the test looks at. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { UnsupportedError } from '../../lib/errors.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The addon as shipped, whichever the tests run over. */
export const SHIPPED = `${root}build/Release/nearmetal.node`;

/** How a fixture ends that found no seam. */
const NEEDS_SEAM = 77;

/** Under a sanitizer, or in an emulated machine. */
const SLOWNESS = process.env.NEARMETAL_SLOW ? 4 : process.env.NEARMETAL_SANITIZED ? 3 : 1;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FixtureOptions {
  /** Put in front of `node`: a tracer, a limit. */
  readonly under?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A process that has not ended by then hangs, and is killed. */
  readonly limitMs?: number;
  /** Looks at the process while it runs. */
  readonly started?: (child: ChildProcess) => void;
}

/** A tracer must not be instrumented itself: it hands the sanitizer's runtime to its child. */
function commandOf(options: FixtureOptions): { words: string[]; env: NodeJS.ProcessEnv } {
  const env = { ...process.env, ...options.env };
  const under = [...(options.under ?? [])];
  if (under[0] === 'strace' && env.LD_PRELOAD) {
    under.splice(1, 0, '-E', `LD_PRELOAD=${env.LD_PRELOAD}`);
    delete env.LD_PRELOAD;
  }
  return {
    words: [...under, process.execPath, '--expose-gc', ...(options.nodeOptions ?? [])],
    env,
  };
}

/** Runs `test/fixtures/NAME.ts`, as it was built into .dev. */
export function runFixture(
  name: string,
  words: readonly string[] = [],
  options: FixtureOptions = {},
): Promise<Ended> {
  const path = `${root}.dev/test/fixtures/${name}.js`;
  if (!existsSync(path)) throw new Error(`${path} is not built: npm run build:ts`);
  const { words: command, env } = commandOf(options);
  const [program, ...rest] = [...command, path, ...words];
  const limitMs = (options.limitMs ?? 110_000) * SLOWNESS;
  return new Promise((resolve, reject) => {
    const child = spawn(program as string, rest, {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const limit = setTimeout(() => {
      stderr += `\n[killed: it had not ended after ${limitMs} ms]`;
      child.kill('SIGKILL');
    }, limitMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, stdout, stderr });
    });
    options.started?.(child);
  });
}

function withSeam(options: FixtureOptions): FixtureOptions {
  const addon = `${root}build/seam/nearmetal_seam.node`;
  return { ...options, env: { ...options.env, NEARMETAL_ADDON: addon } };
}

/** The fixture must end by itself, with status 0, and say so in its last words. */
export async function outputOf(
  name: string,
  words: readonly string[] = [],
  options: FixtureOptions = {},
): Promise<string> {
  let ended = await runFixture(name, words, options);
  // Over the addon as shipped, only what injects faults has to use the other one.
  if (ended.code === NEEDS_SEAM) ended = await runFixture(name, words, withSeam(options));
  const { code, signal, stdout, stderr } = ended;
  const said = `${name} ${words.join(' ')}\n${stdout.slice(-4000)}\n${stderr.slice(-6000)}`;
  // A run on another kernel counts what that lacks by its name (scripts/kernels/run-files.mjs).
  const [, lacks] = /UnsupportedError: (.+?) is not available here/.exec(stderr) ?? [];
  if (code !== 0 && lacks !== undefined) {
    throw new UnsupportedError({ feature: lacks, reason: said });
  }
  expect({ code, signal }, said).toEqual({ code: 0, signal: null });
  expect(stdout, said).toMatch(/^passed$/m);
  return stdout;
}

/** As `outputOf`, for a test that has nothing more to look at. */
export async function passes(...run: Parameters<typeof outputOf>): Promise<void> {
  await outputOf(...run);
}

/** The whole lines that a program said until it was killed, `ms` after the first of them. */
export async function saidUntilKilled(
  words: readonly string[],
  ms: number,
  env: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  const child = spawn(process.execPath, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const began = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      said += part;
      resolve();
    });
    child.on('close', () => resolve());
  });
  const closed = once(child, 'close');
  await began;
  await sleep(ms);
  child.kill('SIGKILL');
  const [code, signal] = await closed;
  expect([code, signal]).toEqual([null, 'SIGKILL']);
  return said.slice(0, said.lastIndexOf('\n')).split('\n');
}
