/** Hugepages for a benchmark: added to the pools for as long as it runs, where we may. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reserveHugepages } from 'nearmetal/memory';
import type { Session } from './session.js';

/** Held by all that change pools, so that none takes another's pages away. */
const LOCK = join(tmpdir(), 'nearmetal-hugepages.lock');

async function holdLock(): Promise<() => void> {
  const holder = spawn('flock', [LOCK, 'sh', '-c', 'echo locked; cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const failed = new Promise<void>((resolve) => holder.once('error', () => resolve()));
  await Promise.race([once(holder.stdout, 'data'), failed]);
  return () => holder.stdin?.end();
}

export interface Wanted {
  /** Of one page. */
  readonly size: '2MiB' | '1GiB';
  readonly count: number;
}

/** Runs `body` with the sizes that could be had; the others are named as missing. */
export async function withHugepages(
  session: Session,
  bench: string,
  wanted: readonly Wanted[],
  body: (had: ReadonlySet<string>) => Promise<void>,
): Promise<void> {
  session.progress(`${bench}: waiting for hugepages`);
  const release = await holdLock();
  const had = new Map<string, Disposable>();
  const giveBack = (): void => {
    for (const reservation of had.values()) reservation[Symbol.dispose]();
  };
  process.once('exit', giveBack);
  try {
    for (const { size, count } of wanted) {
      try {
        had.set(size, reserveHugepages({ size, count }));
      } catch (error) {
        session.missing.set(`${bench} with ${size} pages`, String(error));
      }
    }
    await body(new Set(had.keys()));
  } finally {
    giveBack();
    process.off('exit', giveBack);
    release();
  }
}
