/** Faults in what helper threads do: calls that come short, disks that are full or broken. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyFile, backend as filesGo, open, openBeneath, readdir, statBatch } from 'nearmetal/fs';
import { AppendLog, LogWriteError } from 'nearmetal/log';
import { Mapping } from 'nearmetal/memory';
import type { Connection } from 'nearmetal/net';
import { copyFileRange, Pipe, sendFile, sendfile, splice } from 'nearmetal/zerocopy';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import * as abi from '../../lib/abi.js';
import { useCalls } from '../../lib/fs/choose.js';
import { oneWrite } from '../../lib/fs/durable-write.js';
import { ThreadCalls } from '../../lib/fs/thread-calls.js';
import type { Seam } from '../../lib/native.js';
import { pairOf } from '../support/connections.js';
import { needs } from '../support/needs.js';
import { fileOf, folder, openPlain, openWith, pattern } from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';

// Files go by helper threads here, whatever this machine has.
needs('node:fs');
const threads = new ThreadCalls();
beforeAll(() => useCalls(threads));
afterAll(() => useCalls(undefined));

const backend = 'epoll';
const ALWAYS = 1e9;
/** Of which the library has no constant. */
const SYS_getdents64 = process.arch === 'arm64' ? 61 : 217;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

withSeam('a copy goes on after short calls and interruptions', async () => {
  const faults = seam();
  const bytes = pattern(300_000);
  const target = join(folder(), 'target');
  faults.fail(abi.SYS_copy_file_range, 2, 3, abi.EINTR);
  faults.shorten(abi.SYS_copy_file_range, 5, 4, 4097);
  expect(await copyFile(fileOf(bytes), target, { reflink: 'never' })).toBe(bytes.length);
  expect(digest(readFileSync(target))).toBe(digest(bytes));
  // One that was not touched, three interruptions, the short ones, the rest and the end.
  expect(faults.calls(abi.SYS_copy_file_range)).toBeGreaterThanOrEqual(2);
});

withSeam('every short copy is gone on with', async () => {
  const faults = seam();
  const bytes = pattern(50_001);
  const target = join(folder(), 'target');
  faults.shorten(abi.SYS_copy_file_range, 1, ALWAYS, 1000);
  expect(await copyFile(fileOf(bytes), target, { reflink: 'never' })).toBe(bytes.length);
  expect(digest(readFileSync(target))).toBe(digest(bytes));
  expect(faults.calls(abi.SYS_copy_file_range)).toBe(52);
});

const errors = [
  ['ENOSPC', abi.ENOSPC],
  ['EIO', abi.EIO],
] as const;

for (const [code, errno] of errors) {
  withSeam(`a copy that meets ${code} leaves no new file, and of an old one what was`, async () => {
    const faults = seam();
    const source = fileOf(pattern(100_000));
    const target = join(folder(), 'target');
    const begin = (): void => {
      faults.reset();
      faults.shorten(abi.SYS_copy_file_range, 1, 2, 10_000);
      faults.fail(abi.SYS_copy_file_range, 3, ALWAYS, errno);
    };
    begin();
    const copying = copyFile(source, target, { reflink: 'never' });
    await expect(copying).rejects.toMatchObject({ code, syscall: 'copyfile', path: source });
    expect(existsSync(target)).toBe(false);
    writeFileSync(target, 'old');
    begin();
    const replacing = copyFile(source, target, { reflink: 'never', atomic: true });
    await expect(replacing).rejects.toMatchObject({ code });
    expect(readFileSync(target, 'utf8')).toBe('old');
  });

  withSeam(`calls between descriptors tell ${code}, and exact counts when short`, async () => {
    const faults = seam();
    const bytes = pattern(10_000);
    const source = openWith(bytes);
    const target = openPlain(join(folder(), 'target'));
    const made = Pipe.open();
    onTestFinished(() => made.close());
    const calls = [
      [abi.SYS_copy_file_range, () => copyFileRange(source, target, 5000, { sourceOffset: 0 })],
      [abi.SYS_sendfile, () => sendfile(target, source, 5000, { offset: 0, backend })],
      [abi.SYS_splice, () => splice(source, made.writeEnd, 5000, { sourceOffset: 0, backend })],
    ] as const;
    for (const [number, call] of calls) {
      faults.reset();
      faults.fail(number, 1, 2, abi.EINTR);
      faults.shorten(number, 3, 1, 777);
      faults.fail(number, 4, 1, errno);
      expect(await call()).toBe(777);
      await expect(call()).rejects.toMatchObject({ code });
      expect(await call()).toBe(5000);
    }
  });

  withSeam(`a file that is sent tells ${code}, and what the socket had taken`, async () => {
    const faults = seam();
    const { near, received } = await pair();
    const bytes = pattern(400_000);
    const path = fileOf(bytes);
    beCold(faults);
    faults.shorten(abi.SYS_splice, 1, 1, 5000);
    faults.fail(abi.SYS_splice, 3, 1, errno);
    const sending = sendFile(near, path, { length: bytes.length });
    await expect(sending).rejects.toMatchObject({ code, bytesSent: 5000 });
    await near.end(' and on');
    const all = await received;
    expect(all.subarray(0, 5000).equals(bytes.subarray(0, 5000))).toBe(true);
    expect(all.subarray(5000).toString()).toBe(' and on');
  });
}

withSeam('a file that is sent goes on after short calls and interruptions', async () => {
  const faults = seam();
  const { near, received } = await pair();
  const bytes = pattern(300_000);
  beCold(faults);
  faults.fail(abi.SYS_splice, 3, 3, abi.EINTR);
  faults.shorten(abi.SYS_splice, 6, 20, 3001);
  expect(await sendFile(near, fileOf(bytes))).toBe(bytes.length);
  await near.end();
  expect(digest(await received)).toBe(digest(bytes));
});

withSeam('folders, status in batches and names beneath one tell what failed', async () => {
  const faults = seam();
  const place = folder();
  mkdirSync(join(place, 'inner'));
  faults.fail(SYS_getdents64, 1, 1, abi.EIO);
  await expect(readdir(place)).rejects.toMatchObject({ code: 'EIO', path: place });
  expect(await readdir(place)).toEqual(['inner']);
  faults.fail(abi.SYS_statx, 1, 1, abi.EIO);
  const batch = await statBatch([place, join(place, 'inner')]);
  expect([batch.errno(0), batch.errno(1)]).toEqual([-abi.EIO, -abi.EIO]);
  expect(batch.error(1)).toMatchObject({ code: 'EIO' });
  faults.fail(abi.SYS_openat2, 1, 1, abi.EMFILE);
  await expect(openBeneath(place, 'inner')).rejects.toMatchObject({ code: 'EMFILE' });
});

withSeam('a sync, a truncation and an allocation tell what failed', async () => {
  const faults = seam();
  await using file = await open(fileOf('x'), 'r+');
  faults.fail(abi.SYS_fsync, 1, 1, abi.EIO);
  faults.fail(abi.SYS_fdatasync, 1, 1, abi.EIO);
  faults.fail(abi.SYS_ftruncate, 1, 1, abi.EIO);
  faults.fail(abi.SYS_fallocate, 1, 1, abi.ENOSPC);
  await expect(file.sync()).rejects.toMatchObject({ code: 'EIO', syscall: 'fsync' });
  await expect(file.datasync()).rejects.toMatchObject({ code: 'EIO', syscall: 'fdatasync' });
  await expect(file.truncate(9)).rejects.toMatchObject({ code: 'EIO', syscall: 'ftruncate' });
  await expect(file.allocate(0, 9)).rejects.toMatchObject({ code: 'ENOSPC' });
  await file.sync();
  await file.truncate(9);
  expect((await file.stat()).size).toBe(9);
});

withSeam('a log on helper threads goes on after short writes', async () => {
  const faults = seam();
  expect(filesGo().name).toBe('threads');
  const path = join(folder(), 'log');
  const log = await AppendLog.open(path);
  const records = Array.from({ length: 40 }, (_, index) => pattern(index * 50, index + 1));
  faults.shorten(abi.SYS_pwritev2, 1, ALWAYS, 333);
  faults.fail(abi.SYS_pwritev2, 7, 3, abi.EINTR);
  for (const record of records.slice(0, 20)) await log.append(record);
  await Promise.all(records.slice(20).map((record) => log.append(record)));
  expect(faults.calls(abi.SYS_pwritev2)).toBeGreaterThan(100);
  faults.reset();
  await log.close();
  await using again = await AppendLog.open(path);
  const found: Uint8Array[] = [];
  for await (const { bytes } of again.records()) found.push(bytes);
  expect(found).toEqual(records);
  expect(again.cutBytes).toBe(0);
});

withSeam('a record and its sync are one call of a helper thread', async () => {
  const faults = seam();
  await using log = await AppendLog.open(join(folder(), 'log'));
  faults.reset();
  for (let count = 0; count < 10; count++) await log.append(Buffer.from('more'));
  expect([faults.calls(abi.SYS_pwritev2), faults.calls(abi.SYS_fdatasync)]).toEqual([10, 0]);
});

withSeam('a log on helper threads refuses at ENOSPC, and goes on', async () => {
  const faults = seam();
  const path = join(folder(), 'log');
  const log = await AppendLog.open(path);
  await log.append(Buffer.from('one'));
  // Part of it is written first, as on a real disk.
  faults.shorten(abi.SYS_pwritev2, 1, 1, 10);
  faults.fail(abi.SYS_pwritev2, 2, 1, abi.ENOSPC);
  const refused = await log.append(Buffer.from('two')).catch((error) => error);
  expect(refused).toBeInstanceOf(LogWriteError);
  expect(refused).toMatchObject({ code: 'ENOSPC', outcome: 'absent' });
  expect(log.failure).toBeUndefined();
  expect(await log.append(Buffer.from('three'))).toBe(2);
  await log.close();
  await using again = await AppendLog.open(path);
  expect([again.sequence, again.cutBytes]).toEqual([2, 0]);
});

for (const [name, number, sync] of [
  ['a write', abi.SYS_pwritev2, 'each'],
  ['a sync', abi.SYS_fdatasync, 'none'],
] as const) {
  withSeam(`after EIO of ${name} a log on helper threads accepts nothing`, async () => {
    const faults = seam();
    const path = join(folder(), 'log');
    const log = await AppendLog.open(path, { sync });
    await log.append(Buffer.from('one'));
    if (sync === 'none') await log.sync();
    faults.fail(number, 1, 1, abi.EIO);
    const failing =
      sync === 'none'
        ? log.append(Buffer.from('two')).then(() => log.sync())
        : log.append(Buffer.from('two'));
    await expect(failing).rejects.toMatchObject({ code: 'EIO', outcome: 'unknown' });
    const later = log.append(Buffer.from('three'));
    await expect(later).rejects.toMatchObject({ code: 'EIO', outcome: 'absent' });
    await log.close().catch(() => undefined);
    await using again = await AppendLog.open(path);
    expect(again.sequence).toBeGreaterThanOrEqual(1);
  });
}

withSeam('ENOSPC of a sync is told from ENOSPC of a write', async () => {
  const faults = seam();
  using mapping = Mapping.anonymous({ size: 4096 });
  using file = await threads.open(
    join(folder(), 'file'),
    abi.O_RDWR | abi.O_CREAT,
    0o600,
    undefined,
  );
  const four = mapping.bytes.subarray(0, 4);
  expect(await threads.writeDurably(file, four, 0, 'written')).toEqual({ written: 4, synced: 0 });
  faults.fail(abi.SYS_pwritev2, 1, 2, abi.ENOSPC);
  const { ENOSPC, ECANCELED } = abi;
  const write = { written: -ENOSPC, synced: -ECANCELED };
  expect(await threads.writeDurably(file, four, 4, 'written')).toEqual(write);
  // As if the kernel had written them, and failed to sync.
  await threads.ftruncate(file, 8, undefined);
  const sync = { written: 4, synced: -ENOSPC };
  expect(await threads.writeDurably(file, four, 4, 'written')).toEqual(sync);
  file.close();
  // Of what cannot be told it is held for the worse.
  expect(await oneWrite(threads, file, four, 4, 'written', -ENOSPC)).toEqual(sync);
});

/** Nothing is in the page cache, as far as anybody can tell: a helper thread brings it. */
function beCold(faults: Seam): void {
  faults.fail(abi.SYS_cachestat, 1, ALWAYS, abi.EPERM);
}

async function pair(): Promise<{ near: Connection; received: Promise<Buffer> }> {
  const { near, far } = await pairOf(backend);
  const read = async (): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of far) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  return { near, received: read() };
}
