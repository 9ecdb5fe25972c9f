/** How many system calls a turn takes, by `strace -c`: a turn that is traced tells no time. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { family } from './family.js';
import { MissingPeer } from './missing.js';
import { Child } from './process.js';

const LOOK_MS = 2;

/** Sums the column of calls of what `strace -c` prints. */
export function parseSummary(text: string): number {
  let calls = 0;
  for (const line of text.split('\n')) {
    // Percent, seconds, microseconds for each, calls, errors if any, name.
    const row = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*$/.exec(line);
    if (row !== null && row[2] !== 'total') calls += Number(row[1]);
  }
  return calls;
}

/** Why nothing can be counted here; undefined where it can. */
export function whyNotCounted(): string | undefined {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).error === undefined) return undefined;
  return 'no strace in PATH (Debian: apt-get install strace)';
}

/** Starts counting for `pid` and all that it has started; ends with the number of calls. */
async function attach(pid: number): Promise<() => Promise<number>> {
  const traced = family(pid).flatMap((each) => ['-p', String(each)]);
  const strace = new Child('strace', ['strace', '-f', '-c', ...traced], { foreign: true });
  const wanted = traced.length / 2;
  while ((strace.said.match(/attached/g)?.length ?? 0) < wanted) {
    if (!strace.runs) {
      throw new MissingPeer(strace.failure().message);
    }
    await sleep(LOOK_MS);
  }
  return async () => {
    // Told to end it prints what it has counted, and lets go.
    strace.kill('SIGINT');
    await strace.ended;
    return parseSummary(strace.said);
  };
}

/**
 * Counts the system calls of all threads while `turn` runs.
 *
 * @throws MissingPeer where tracing is refused
 */
export async function countSystemCalls<Answer>(
  pid: number,
  turn: () => Promise<Answer>,
): Promise<{ answer: Answer; calls: number }> {
  const detach = await attach(pid);
  let calls = 0;
  let answer: Answer;
  try {
    answer = await turn();
  } finally {
    calls = await detach();
  }
  return { answer, calls };
}
