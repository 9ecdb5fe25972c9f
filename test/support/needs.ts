/**
 * What a test needs that a machine may lack. Without it the test is skipped, and its result says by
 * name what was missing: it is counted, and never passed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { asFd, sameFile } from 'nearmetal/fd';
import { features } from 'nearmetal/features';
import { openBackend } from 'nearmetal/loop';
import { beforeEach, TestRunner } from 'vitest';
import { kernel } from '../../lib/kernel.js';
import { native } from '../../lib/native.js';
import { readLimit } from '../../lib/proc/read.js';

/**
 * `op:PIPE` and all other names of `features`; `linux:6.7` for what has no name of its own;
 * `program:strace`; `path:/sys/...`; to be `root`; the `seam` of the test build; `io_uring` at
 * all; `memlock` enough for the ring of a backend; `files:450`, that many descriptors; `proc`,
 * where what a process holds is counted; two `cpus`; `dm-flakey`, devices that fail when told;
 * `kcmp`, to tell whether two descriptors are of one file; `node` itself, and not Bun or Deno;
 * `node:fs` for descriptors of ours; `node:eval`, a child that runs words of a module; `ticks`,
 * microtasks between two callbacks of one batch.
 */
export type Need =
  | `${'op' | 'setup' | 'register' | 'ring' | 'syscall' | 'linux' | 'program' | 'path'}:${string}`
  | `files:${number}`
  | 'io_uring'
  | 'memlock'
  | 'proc'
  | 'cpus'
  | 'dm-flakey'
  | 'kcmp'
  | 'node'
  | 'node:eval'
  | 'node:fs'
  | 'root'
  | 'seam'
  | 'ticks';

const onDeno = process.versions.deno !== undefined;

const found = new Map<string, boolean>();

function look(need: Need): boolean {
  if (need === 'root') return process.geteuid?.() === 0;
  if (need === 'seam') return native.hasSeam;
  if (need === 'memlock') return roomForRing();
  if (need === 'proc') return existsSync('/proc/self/fd');
  if (need === 'dm-flakey') return deviceTargets().includes('flakey');
  if (need === 'kcmp') return comparesFiles();
  if (need === 'cpus') return availableParallelism() > 1;
  if (need === 'node') return process.versions.bun === undefined && !onDeno;
  if (['node:eval', 'node:fs', 'ticks'].includes(need)) return !onDeno;
  const [kind, name = ''] = need.split(':');
  if (kind === 'linux') return kernel.atLeast(name);
  if (kind === 'files') return (readLimit('nofile')?.soft ?? Infinity) >= Number(name);
  if (kind === 'path') return existsSync(name);
  if (kind === 'program') {
    return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
  }
  const feature = features.get(need);
  if (feature === undefined) throw new Error(`no feature is called ${need}`);
  return feature.supported;
}

/** Kernels before 6.10 do where they were built to make checkpoints of processes. */
function comparesFiles(): boolean {
  try {
    return sameFile(asFd(0), asFd(0));
  } catch {
    return false;
  }
}

/** What dmsetup can make of a device. */
function deviceTargets(): string {
  return spawnSync('dmsetup', ['targets'], { encoding: 'utf8' }).stdout ?? '';
}

function roomForRing(): boolean {
  const backend = openBackend();
  void backend.close();
  return !backend.why.includes('RLIMIT_MEMLOCK');
}

/** True when this machine has it. */
export function has(need: Need): boolean {
  let there = found.get(need);
  if (there === undefined) {
    there = look(need);
    found.set(need, there);
  }
  return there;
}

/**
 * Skips what lacks one of `needs`. At the top of a file or of a describe: each test in it; at the
 * start of a test: that test. Where tests are concurrent, only at the top.
 */
export function needs(...all: readonly Need[]): void {
  const missing = all.filter((need) => !has(need));
  if (missing.length === 0) return;
  const reason = missing.join(', ');
  const running = TestRunner.getCurrentTest();
  if (running !== undefined) running.context.skip(reason);
  else beforeEach(({ skip }) => skip(reason));
}

/** From 22 on, Node ends by itself when io_uring_enter is refused: its loop has rings too. */
export const OWN_RINGS = Number(process.versions.node.split('.')[0]) >= 22;
