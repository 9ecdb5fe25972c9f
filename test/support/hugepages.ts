/** Hugepages for one test at a time, over all processes of the machine; the pool is put back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';

const LOCK = join(tmpdir(), 'nearmetal-hugepages.lock');

export const poolFile = (size: number, name = 'nr_hugepages'): string =>
  `/sys/kernel/mm/hugepages/hugepages-${size / 1024}kB/${name}`;

export const poolCount = (size: number, name?: string): number =>
  Number(readFileSync(poolFile(size, name), 'utf8'));

/** Runs `body` while nobody else changes pools. */
export async function alone<Result>(body: () => Result | Promise<Result>): Promise<Result> {
  const holder = spawn('flock', [LOCK, 'sh', '-c', 'echo locked; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  try {
    return await body();
  } finally {
    holder.stdin.end();
    await once(holder, 'exit');
  }
}

/**
 * Runs `body` with exactly `count` pages of `size` in the pool; skips the test, and says why, where
 * they cannot be had.
 */
export async function withHugepages(
  context: TestContext,
  size: number,
  count: number,
  body: () => void | Promise<void>,
): Promise<void> {
  await alone(async () => {
    let before: number;
    try {
      before = poolCount(size);
      writeFileSync(poolFile(size), String(count));
    } catch (error) {
      return context.skip(`the pool cannot be changed: ${(error as Error).message}`);
    }
    try {
      const got = poolCount(size);
      if (got !== count) return context.skip(`${got} of ${count} hugepages could be had`);
      await body();
    } finally {
      writeFileSync(poolFile(size), String(before));
    }
  });
}
