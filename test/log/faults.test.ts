/** Disks that fail and power that fails: what a log has told of its records stays true. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { AppendLog, type AppendLogOptions, LogWriteError } from 'nearmetal/log';
import { expect, onTestFinished, test } from 'vitest';
import { EDQUOT, EINTR, EIO, ENOSPC } from '../../lib/abi.js';
import { calls, useCalls } from '../../lib/fs/choose.js';
import { Disk } from '../support/disk.js';

const real = calls();

function prepare(): { path: string; disk: Disk } {
  const path = mkdtempSync(join(tmpdir(), 'nearmetal-log-'));
  const disk = new Disk(real);
  useCalls(disk.calls);
  onTestFinished(() => {
    useCalls(real);
    rmSync(path, { recursive: true, force: true });
  });
  return { path, disk };
}

async function contents(log: AppendLog): Promise<string[]> {
  const found: string[] = [];
  for await (const { sequence, bytes } of log.records()) {
    expect(sequence).toBe(log.firstSequence + found.length);
    found.push(Buffer.from(bytes).toString());
  }
  return found;
}

/** The outcome of each append: its number, or what is known of the record. */
async function outcomes(promises: Promise<number>[]): Promise<(number | string)[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => {
    if (one.status === 'fulfilled') return one.value;
    expect(one.reason).toBeInstanceOf(LogWriteError);
    const { code, outcome } = one.reason as LogWriteError;
    return `${code} ${outcome}`;
  });
}

const all = (log: AppendLog, ...words: string[]): Promise<number>[] =>
  words.map((word) => log.append(Buffer.from(word)));

test('writes that come short, by any number of bytes, are gone on with', async () => {
  const { path, disk } = prepare();
  const log = await AppendLog.open(path);
  for (let short = 1; short < 80; short++) {
    let first = true;
    disk.fault = (call) => {
      if (call !== 'write' || !first) return undefined;
      first = false;
      return short % 5 === 0 ? -EINTR : short;
    };
    expect(await outcomes(all(log, `a${short}`, `b${short}`))).toEqual([2 * short - 1, 2 * short]);
  }
  disk.fault = (call) => (call === 'write' ? 3 : undefined);
  await log.append(Buffer.from('crumbs'));
  disk.fault = undefined;
  await log.close();
  await using again = await AppendLog.open(path);
  const found = await contents(again);
  expect([found.length, found[156], found.at(-1)]).toEqual([159, 'a79', 'crumbs']);
});

test.each([ENOSPC, EDQUOT])('a full disk (%i) refuses, and the log goes on', async (errno) => {
  const { path, disk } = prepare();
  const log = await AppendLog.open(path);
  await log.append(Buffer.from('one'));
  let writes = 0;
  // Part of it is written first, as on a real disk.
  disk.fault = (call) => (call === 'write' ? (writes++ === 0 ? 10 : -errno) : undefined);
  const code = errno === ENOSPC ? 'ENOSPC' : 'EDQUOT';
  const refused = all(log, 'two', 'three');
  expect(await outcomes(refused)).toEqual([`${code} absent`, `${code} absent`]);
  disk.fault = undefined;
  expect([log.failure, log.sequence]).toEqual([undefined, 1]);
  expect(await outcomes(all(log, 'four', 'five'))).toEqual([2, 3]);
  await log.close();
  await using again = await AppendLog.open(path);
  expect([await contents(again), again.cutBytes]).toEqual([['one', 'four', 'five'], 0]);
});

test('a full disk that cannot be put right fails the log', async () => {
  const { path, disk } = prepare();
  const log = await AppendLog.open(path);
  await log.append(Buffer.from('one'));
  disk.fault = (call) => (call === 'write' ? -ENOSPC : -EIO);
  expect(await outcomes(all(log, 'two'))).toEqual(['ENOSPC unknown']);
  disk.fault = undefined;
  expect(log.failure).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
  expect(await outcomes(all(log, 'three'))).toEqual(['ENOSPC absent']);
  await log.close();
});

test.each(['write', 'sync'] as const)('after EIO of a %s nothing is accepted', async (failing) => {
  const { path, disk } = prepare();
  const log = await AppendLog.open(path, { bufferBytes: 4096 });
  await log.append(Buffer.from('one'));
  disk.fault = (call) => (call === failing ? -EIO : undefined);
  const first = all(log, 'two', 'three');
  // Behind these, in the other buffer and waiting for room.
  const rest = ['x', 'y', 'z'].map((letter) => log.append(Buffer.alloc(4040, letter)));
  expect(await outcomes(first)).toEqual(['EIO unknown', 'EIO unknown']);
  expect(await outcomes(rest)).toEqual(['EIO absent', 'EIO absent', 'EIO absent']);
  disk.fault = undefined;
  // The disk is well again, and would say that all is durable.
  expect(await outcomes(all(log, 'four'))).toEqual(['EIO absent']);
  await expect(log.sync()).rejects.toMatchObject({ code: 'EIO' });
  expect(log.failure).toMatchObject({ code: 'EIO' });
  expect(log.failure?.message).toContain(failing === 'write' ? 'write' : 'fdatasync');
  expect(await contents(log)).toEqual(['one']);
  await log.close();
  await using again = await AppendLog.open(path);
  const found = await contents(again);
  expect(['one', 'two', 'three'].slice(0, found.length)).toEqual(found);
  expect(await again.append(Buffer.from('five'))).toBe(found.length + 1);
});

test('without a sync for each record, close tells of one that failed', async () => {
  const { path, disk } = prepare();
  const log = await AppendLog.open(path, { sync: 'none' });
  await log.append(Buffer.from('one'));
  disk.fault = (call) => (call === 'sync' ? -EIO : undefined);
  await expect(log.sync()).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
  await expect(log.close()).rejects.toMatchObject({ code: 'EIO' });
});

test('a new segment that cannot be made costs nothing but the record', async () => {
  const { path, disk } = prepare();
  await using log = await AppendLog.open(path, { segmentBytes: 200 });
  await log.append(Buffer.alloc(100));
  disk.fault = (call) => (call === 'write' ? -ENOSPC : undefined);
  expect(await outcomes([log.append(Buffer.alloc(100))])).toEqual(['ENOSPC absent']);
  disk.fault = undefined;
  expect(await log.append(Buffer.alloc(100))).toBe(2);
  expect(log.segments.length).toBe(2);
});

const sizes = fc.array(fc.nat(3000), { minLength: 1, maxLength: 12 });
const step = fc.record({
  sizes,
  /** How many turns of the loop go by before the power fails. */
  turns: fc.nat(12),
  end: fc.constantFrom('power', 'close', 'none'),
  drop: fc.boolean(),
});
const modes: NonNullable<AppendLogOptions['sync']>[] = ['each', 'none', { everyMs: 1 }];
/** More of them: NEARMETAL_LOG_RUNS=1000. */
const RUNS = Number(process.env.NEARMETAL_LOG_RUNS ?? 15);

test('whenever the power fails, what was durable is there, in order and unchanged', async () => {
  const scenario = fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: 6 }),
    fc.constantFrom(...modes),
    fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
    async (steps, sync, stream) => {
      const path = mkdtempSync(join(tmpdir(), 'nearmetal-log-'));
      const now = new Disk(real);
      useCalls(now.calls);
      const chance = (): number => stream.next().value as number;
      const options = { sync, segmentBytes: 8192, bufferBytes: 8192 };
      try {
        let log = await AppendLog.open(path, options);
        let model: string[] = [];
        let durable = 0;
        for (const { sizes, turns, end, drop } of steps) {
          const words = sizes.map((size, index) =>
            `${model.length + index} `.padEnd(size, 'abcdefg'),
          );
          model.push(...words);
          const promises = words.map((word) => log.append(Buffer.from(word)));
          for (const promise of promises) promise.catch(() => undefined);
          if (sync === 'each') {
            for (const promise of promises) {
              promise.then(
                (sequence) => {
                  durable = Math.max(durable, sequence);
                },
                () => undefined,
              );
            }
          }
          if (end === 'none') await Promise.all(promises);
          for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          if (end === 'none') {
            if (drop) await log.dropBefore(Math.ceil(log.sequence / 2) + 1);
            continue;
          }
          if (end === 'power') now.dead = true;
          await log.close().catch(() => undefined);
          // What the log itself holds for durable has to be there as well.
          durable = Math.max(durable, log.durableSequence);
          if (end === 'power') now.cutPower(chance);
          else durable = model.length;
          log = await AppendLog.open(path, options);
          const found = await contents(log);
          expect(log.sequence).toBeGreaterThanOrEqual(durable);
          expect(log.durableSequence).toBe(log.sequence);
          expect(found).toEqual(model.slice(log.firstSequence - 1, log.sequence));
          model = model.slice(0, log.sequence);
          durable = log.sequence;
        }
        await log.close();
      } finally {
        rmSync(path, { recursive: true, force: true });
      }
    },
  );
  try {
    await fc.assert(scenario, { numRuns: RUNS });
  } finally {
    useCalls(real);
  }
});
