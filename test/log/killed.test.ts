/** A process that is killed while it appends loses nothing that it was told is durable. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppendLog } from 'nearmetal/log';
import { expect, onTestFinished, test } from 'vitest';
import { saidUntilKilled } from '../support/process.js';

const program = fileURLToPath(new URL('../../.dev/test/fixtures/log-killed.js', import.meta.url));
/** For a long night: NEARMETAL_LOG_KILLS=5000. */
const KILLS = Number(process.env.NEARMETAL_LOG_KILLS ?? 8);
const LONGEST_MS = 60;

const recordOf = (sequence: number): Buffer =>
  Buffer.alloc((sequence * 2_654_435_761) % 3000, `${sequence} `);

interface Told {
  /** The last record that was there when the log was opened. */
  readonly found: number;
  /** The records it was told are durable. */
  readonly acknowledged: readonly number[];
}

/** Runs it until `ms` after it has opened the log. */
async function runAndKill(
  path: string,
  sync: string,
  env: NodeJS.ProcessEnv,
  ms: number,
): Promise<Told> {
  const [first = '', ...rest] = await saidUntilKilled([program, path, sync], ms, env);
  const [word, found] = first.split(' ');
  expect(word).toBe('open');
  return { found: Number(found), acknowledged: rest.filter((line) => line !== '').map(Number) };
}

const ways = [
  ['io_uring', 'each', {}],
  ['helper threads', 'each', { NEARMETAL_DISABLE: 'io_uring' }],
  ['io_uring, without syncs', 'none', {}],
] as const;

test.each(ways)('killed again and again over %s', { timeout: 36e5 }, async (_, sync, env) => {
  const path = mkdtempSync(join(tmpdir(), 'nearmetal-log-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  let last = 0;
  for (let round = 0; round < KILLS; round++) {
    const { found, acknowledged } = await runAndKill(path, sync, env, Math.random() * LONGEST_MS);
    expect(found).toBe(last);
    const highest = acknowledged.reduce((most, one) => Math.max(most, one), found);
    await using log = await AppendLog.open(path);
    expect(log.sequence).toBeGreaterThanOrEqual(highest);
    let next = log.firstSequence;
    for await (const { sequence, bytes } of log.records()) {
      expect(sequence).toBe(next++);
      if (!recordOf(sequence).equals(bytes)) throw new Error(`record ${sequence} is another`);
    }
    expect(next).toBe(log.sequence + 1);
    last = log.sequence;
  }
  expect(last).toBeGreaterThan(0);
});
