/** What a log promises while nothing goes wrong, and what it refuses. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppendLog, type AppendLogOptions, LogLockedError } from 'nearmetal/log';
import { expect, onTestFinished, test } from 'vitest';
import { fileRing } from '../../lib/fs/choose.js';
import type { Ring } from '../../lib/ring/ring.js';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nearmetal-log-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function contents(log: AppendLog, from?: number): Promise<string[]> {
  const found: string[] = [];
  for await (const { sequence, bytes } of log.records(from === undefined ? {} : { from })) {
    found.push(`${sequence} ${text(bytes)}`);
  }
  return found;
}

test('records are found again in order, from where they are asked for', async () => {
  const path = join(folder(), 'new');
  {
    await using log = await AppendLog.open(path);
    expect([log.sequence, log.firstSequence, log.durableSequence]).toEqual([0, 1, 0]);
    const words = ['one', 'two', '', 'four'];
    const sequences = await Promise.all(words.map((word) => log.append(Buffer.from(word))));
    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(await log.append([Buffer.from('fi'), new Uint16Array([0x6576])])).toBe(5);
    expect([log.sequence, log.durableSequence, log.pendingBytes]).toEqual([5, 5, 0]);
    expect(await contents(log)).toEqual(['1 one', '2 two', '3 ', '4 four', '5 five']);
  }
  await using log = await AppendLog.open(path);
  expect([log.sequence, log.cutBytes]).toEqual([5, 0]);
  expect(await contents(log, 4)).toEqual(['4 four', '5 five']);
  expect(await contents(log, 6)).toEqual([]);
  expect(await log.append(Buffer.from('six'))).toBe(6);
});

test("the bytes are the caller's again at once, where there was room", async () => {
  await using log = await AppendLog.open(folder());
  const bytes = Buffer.from('before');
  const appended = log.append(bytes);
  bytes.fill('x');
  await appended;
  expect(await contents(log)).toEqual(['1 before']);
});

const policies: AppendLogOptions['sync'][] = ['each', 'none', { everyMs: 1 }];

test.each(policies)('%o: what was appended is durable after sync() and close()', async (sync) => {
  const path = folder();
  const log = await AppendLog.open(path, { sync: sync as 'each', segmentBytes: 4096 });
  for (let index = 1; index <= 100; index++) await log.append(Buffer.alloc(100, index));
  await log.sync();
  expect(log.durableSequence).toBe(100);
  await log.append(Buffer.from('last'));
  await log.close();
  expect(log.durableSequence).toBe(101);
  await using again = await AppendLog.open(path);
  const found = await contents(again);
  expect(found.length).toBe(101);
  expect(again.segments.length).toBeGreaterThan(2);
});

test('with everyMs a record becomes durable by itself', async () => {
  await using log = await AppendLog.open(folder(), { sync: { everyMs: 1 } });
  await log.append(Buffer.from('a'));
  while (log.durableSequence < 1) await new Promise((resolve) => setTimeout(resolve, 1));
});

test('a record and its sync are one operation', async () => {
  needs('io_uring', 'memlock');
  await using log = await AppendLog.open(folder());
  await log.append(Buffer.from('first'));
  const { stats } = fileRing() as Ring;
  for (let count = 0; count < 10; count++) await log.append(Buffer.from('more'));
  expect((fileRing() as Ring).stats.submitted - stats.submitted).toBe(10);
});

test('segments go when nothing of them is wanted, and numbers go on', async () => {
  const path = folder();
  {
    await using log = await AppendLog.open(path, { segmentBytes: 1000 });
    for (let index = 1; index <= 20; index++) await log.append(Buffer.alloc(200, index));
    const { segments } = log;
    const { first } = segments[2] as { first: number };
    await Promise.all([
      log.dropBefore(first + 1),
      log.dropBefore(first),
      log.dropBefore(first + 1),
    ]);
    expect(log.firstSequence).toBe(first);
    expect(() => log.records({ from: first - 1 })).toThrow(RangeError);
    expect((await contents(log)).length).toBe(20 - first + 1);
    await log.dropBefore(1000);
    expect(log.segments.length).toBe(1);
  }
  await using log = await AppendLog.open(path, { segmentBytes: 1000 });
  expect(await log.append(Buffer.from('next'))).toBe(21);
});

test('a record longer than the buffer, and many that wait for room, keep their order', async () => {
  await using log = await AppendLog.open(folder(), { bufferBytes: 4096 });
  const sizes = Array.from({ length: 60 }, (_, index) => (index % 7 === 3 ? 9000 : 700));
  const all = Promise.all(sizes.map((size, index) => log.append(Buffer.alloc(size, index))));
  expect(log.pendingBytes).toBeGreaterThan(60 * 700);
  expect(await all).toEqual(sizes.map((_, index) => index + 1));
  let index = 0;
  for await (const { bytes } of log.records()) {
    expect(Buffer.alloc(sizes[index] as number, index).equals(bytes)).toBe(true);
    index++;
  }
  expect(index).toBe(60);
});

test('one that waits for room can be given up, and one that was detached is refused', async () => {
  await using log = await AppendLog.open(folder(), { bufferBytes: 4096 });
  const controller = new AbortController();
  const filling = log.append(Buffer.alloc(4000));
  const given = log.append(Buffer.alloc(4000), { signal: controller.signal });
  const detached = new Uint8Array(4000);
  const lost = log.append(detached);
  const large = new Uint8Array(10_000);
  const lostToo = log.append(large);
  const kept = log.append(Buffer.from('kept'));
  controller.abort();
  structuredClone(detached, { transfer: [detached.buffer] });
  structuredClone(large, { transfer: [large.buffer] });
  const ended = await Promise.allSettled([filling, given, lost, lostToo, kept]);
  expect(ended.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))).toEqual([
    1,
    'ABORT_ERR',
    'ERR_NEARMETAL_DETACHED',
    'ERR_NEARMETAL_DETACHED',
    2,
  ]);
  await expect(log.append(Buffer.from('x'), { signal: AbortSignal.abort() })).rejects.toThrow(
    expect.objectContaining({ name: 'AbortError' }),
  );
  expect(log.sequence).toBe(2);
});

test('only one has it open, and nothing stays behind when it is closed', async () => {
  const path = folder();
  const before = readdirSync('/proc/self/fd').length;
  const log = await AppendLog.open(path);
  await expect(AppendLog.open(path)).rejects.toBeInstanceOf(LogLockedError);
  const last = log.append(Buffer.from('last'));
  const closing = log.close();
  expect(log.close()).toBe(closing);
  await closing;
  expect(await last).toBe(1);
  await expect(log.append(Buffer.from('x'))).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  await expect(log.sync()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(() => log.records()).toThrow(/closed/);
  expect(readdirSync('/proc/self/fd').length).toBe(before);
  await (await AppendLog.open(path)).close();
});

test('wrong arguments are refused before any call', async () => {
  const path = join(folder(), 'never');
  await expect(AppendLog.open(5 as never)).rejects.toThrow(TypeError);
  await expect(AppendLog.open(path, { sync: 'always' as never })).rejects.toThrow(/"sync"/);
  await expect(AppendLog.open(path, { sync: { everyMs: 0 } })).rejects.toThrow(/everyMs/);
  await expect(AppendLog.open(path, { segmentSize: 1 } as never)).rejects.toThrow(/segmentBytes/);
  await expect(AppendLog.open(path, { bufferBytes: 1 })).rejects.toThrow(RangeError);
  expect(readdirSync(join(path, '..'))).toEqual([]);
  await expect(AppendLog.open(join(path, 'deeper'))).rejects.toMatchObject({ code: 'ENOENT' });
  await using log = await AppendLog.open(path);
  expect(() => log.append('text' as never)).toThrow(/Buffer.from/);
  expect(() => log.append([Buffer.from('a'), 5 as never])).toThrow(/record\[1\]/);
  expect(() => log.append(Buffer.alloc(2 ** 26 + 1))).toThrow(RangeError);
  expect(() => log.append(Buffer.from('a'), { singal: 1 } as never)).toThrow(/signal/);
  expect(() => log.records({ from: 0 })).toThrow(RangeError);
  expect(log.sequence).toBe(0);
});

test('all of it works on helper threads', async () => {
  await passes('log-threads', [folder()], { env: { NEARMETAL_DISABLE: 'io_uring' } });
});
