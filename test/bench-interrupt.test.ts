/** Ctrl-C prints what is finished, and leaves no process, file or reserved hugepage behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { family } from '../bench/_lib/family.js';
import { root, scratchRoot } from '../bench/_lib/paths.js';
import { hasCompiler } from '../bench/_lib/reference.js';
import { alone, poolCount } from './support/hugepages.js';
import { needs } from './support/needs.js';

const HUGE = 2 ** 21;
const WAIT = { timeout: 60_000, interval: 10 };
const TIMEOUT_MS = 120_000;

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it has printed to stdout and stderr. */
  readonly said: { text: string };
}

function start(...words: string[]): Running {
  const run = join(root, 'dist/bench/run.js');
  const child = spawn(process.execPath, [run, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { text: '' };
  child.stdout.on('data', (text) => (said.text += text));
  child.stderr.on('data', (text) => (said.text += text));
  started.push(child);
  return { pid: child.pid as number, child, said };
}

const nameOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
};

const names = ({ pid }: Running): string[] => family(pid).slice(1).map(nameOf);

/** Interrupts it; answers when it has ended, with what it had started by then. */
async function interrupt({ pid, child }: Running): Promise<number[]> {
  const others = family(pid).slice(1);
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  return others;
}

/** A zombie that its parent has not looked after yet is no process any more. */
const runs = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

async function expectNothingOf(running: Running, others: readonly number[]): Promise<void> {
  await expect.poll(() => others.filter(runs).map(nameOf)).toEqual([]);
  expect(existsSync(join(scratchRoot, String(running.pid)))).toBe(false);
  expect(running.said.text).toMatch(/interrupted: this is what was finished/);
}

/** A benchmark, and a program of it that is there once it has begun. */
const begun: [bench: string, program: string][] = [
  ['echo', 'echo-uring'],
  ['stat', 'stat'],
  ['fwrite', 'blocks'],
  ['log', 'log'],
  ['spsc', 'spsc'],
  ['futex', 'futex'],
  ['mpmc', 'mpmc'],
  ['timers', 'timers'],
  ['modes', 'modes'],
  ['numa', 'numa'],
];

describe.skipIf(!hasCompiler())('interrupted, nothing is left', () => {
  it.each(begun)(
    'of %s',
    async (bench, program) => {
      const running = start(bench, '--quick');
      await expect.poll(() => names(running), WAIT).toContain(program);
      await expectNothingOf(running, await interrupt(running));
    },
    TIMEOUT_MS,
  );

  it(
    'of files',
    async () => {
      const running = start('copy', '--quick');
      const folder = join(scratchRoot, String(running.pid));
      await expect.poll(() => existsSync(join(folder, 'blocks-copy')), WAIT).toBe(true);
      await expectNothingOf(running, await interrupt(running));
    },
    TIMEOUT_MS,
  );

  it(
    'of what counts, and of what is counted',
    async () => {
      needs('program:strace');
      const running = start('nop', '--full');
      const both = expect.arrayContaining(['nop', 'strace']);
      await expect.poll(() => names(running), WAIT).toEqual(both);
      await expectNothingOf(running, await interrupt(running));
    },
    TIMEOUT_MS,
  );

  it(
    'of hugepages',
    async () => {
      needs('root');
      const before = await alone(() => poolCount(HUGE));
      const running = start('tlb', '--quick');
      await expect.poll(() => names(running), WAIT).toContain('tlb');
      const during = poolCount(HUGE);
      await expectNothingOf(running, await interrupt(running));
      const reserved = !/tlb with 2MiB pages/.test(running.said.text);
      if (reserved) expect(during).toBeGreaterThan(before);
      expect(await alone(() => poolCount(HUGE))).toBe(before);
    },
    TIMEOUT_MS,
  );

  it(
    'and what is finished is printed',
    async () => {
      const running = start('crossing', 'echo', '--quick');
      await expect.poll(() => names(running), WAIT).toContain('echo-uring');
      await expectNothingOf(running, await interrupt(running));
      expect(running.said.text).toMatch(/crossing call/);
    },
    TIMEOUT_MS,
  );
});
