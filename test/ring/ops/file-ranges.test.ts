/** fallocate, ftruncate, sync_file_range, fadvise and madvise: what is done to ranges. */
import { readFileSync, statSync } from 'node:fs';
import { asFd, type DirectFd, Mapping, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  expectRefusal,
  fileOf,
  openPlain,
  openRing,
  openWith,
  pattern,
  pipe,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

const BLOCK = 4096;

test('fallocate makes a file longer, or keeps its length', async () => {
  const ring = openRing();
  const path = fileOf('abc');
  const file = openPlain(path);
  await ring.fallocate(file, 0, 10 * BLOCK, { keepSize: true });
  expect(statSync(path).size).toBe(3);
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(10 * BLOCK);
  await ring.fallocate(file, BLOCK, BLOCK);
  expect(statSync(path).size).toBe(2 * BLOCK);
  expect(readFileSync(path).subarray(0, 4).toString()).toBe('abc\0');
  // Beyond 4 GiB: both halves of offset and length arrive.
  await ring.fallocate(file, 2 ** 32 + BLOCK, BLOCK);
  expect(statSync(path).size).toBe(2 ** 32 + 2 * BLOCK);
});

test('fallocate punches holes, zeroes, and moves what is behind', async () => {
  const ring = openRing();
  const path = fileOf(pattern(4 * BLOCK));
  const before = readFileSync(path);
  using registered = ring.registerFiles([openPlain(path)]);
  const file = registered.files[0] as DirectFd;
  await ring.fallocate(file, BLOCK, BLOCK, { punchHole: true, keepSize: true });
  const punched = readFileSync(path);
  expect(punched.length).toBe(before.length);
  expect(punched.subarray(BLOCK, 2 * BLOCK).every((byte) => byte === 0)).toBe(true);
  expect(punched.subarray(2 * BLOCK).equals(before.subarray(2 * BLOCK))).toBe(true);
  const changes = [
    ['zeroRange', (bytes: Buffer) => bytes.subarray(0, BLOCK).every((byte) => byte === 0)],
    ['collapseRange', (bytes: Buffer) => bytes.length === 3 * BLOCK],
    ['insertRange', (bytes: Buffer) => bytes.length === 4 * BLOCK],
  ] as const;
  for (const [name, changed] of changes) {
    try {
      await ring.fallocate(file, 0, BLOCK, { [name]: true });
      expect(changed(readFileSync(path)), name).toBe(true);
    } catch (error) {
      // Not every file system can.
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'io_uring:fallocate' });
    }
  }
});

test('ftruncate cuts off and adds zeros', async () => {
  needs('op:FTRUNCATE');
  const ring = openRing();
  const path = fileOf('abcdef');
  const file = openPlain(path);
  await ring.ftruncate(file, 2);
  await ring.ftruncate(file, 4);
  expect(readFileSync(path, 'latin1')).toBe('ab\0\0');
  await ring.ftruncate(file, 2 ** 33 + 1);
  expect(statSync(path).size).toBe(2 ** 33 + 1);
  await expect(ring.ftruncate(pipe(), 1)).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'io_uring:ftruncate',
  });
});

test('sync_file_range writes back a range of a file, and nothing else', async () => {
  const ring = openRing();
  const file = openWith(pattern(8 * BLOCK));
  const all = { waitBefore: true, write: true, waitAfter: true };
  await ring.syncFileRange(file, all);
  await ring.syncFileRange(file, { offset: BLOCK, length: 2 ** 32 - 1, write: true });
  await ring.syncFileRange(file);
  await expect(ring.syncFileRange(pipe(), all)).rejects.toMatchObject({
    code: 'ESPIPE',
    syscall: 'io_uring:sync_file_range',
  });
});

test('fadvise drops pages from the cache, and brings them back', async () => {
  const ring = openRing();
  const path = fileOf(pattern(64 * BLOCK));
  const file = openPlain(path);
  await ring.fsync(file);
  await ring.fadvise(file, 'dontneed');
  for (const advice of ['normal', 'random', 'sequential', 'willneed', 'noreuse'] as const) {
    await ring.fadvise(file, advice, { offset: BLOCK, length: BLOCK });
  }
  expect(readFileSync(path).equals(pattern(64 * BLOCK))).toBe(true);
  await expect(ring.fadvise(pipe(), 'random')).rejects.toMatchObject({
    code: 'ESPIPE',
    syscall: 'io_uring:fadvise',
  });
});

test('fadvise takes lengths of more than 4 GiB', async () => {
  needs('linux:6.10');
  const ring = openRing();
  await ring.fadvise(openPlain(fileOf('few bytes')), 'willneed', { length: 2 ** 40 });
});

test('madvise asks for transparent huge pages, and for none', async () => {
  needs('path:/sys/kernel/mm/transparent_hugepage');
  const ring = openRing();
  using mapping = Mapping.anonymous({ size: 8 * BLOCK });
  mapping.bytes.fill(7);
  await ring.madvise(mapping, 'hugepage');
  await ring.madvise(mapping, 'nohugepage');
  expect(mapping.bytes.every((byte) => byte === 7)).toBe(true);
});

test('madvise fetches the pages of a mapping, or of a part of it', async () => {
  needs('syscall:madvise_POPULATE_WRITE');
  const ring = openRing();
  using mapping = Mapping.anonymous({ size: 8 * BLOCK, populate: false });
  const present = (): number => mapping.mincore().reduce((sum, page) => sum + (page & 1), 0);
  expect(present()).toBe(0);
  await ring.madvise(mapping.bytes.subarray(BLOCK, 3 * BLOCK), 'populate-write');
  expect(present()).toBe(2);
  await ring.madvise(mapping, 'populate-read');
  expect(present()).toBe(8);
  mapping.bytes.fill(7);
  for (const advice of ['cold', 'pageout', 'dontdump'] as const) {
    await ring.madvise(mapping, advice);
  }
  expect(mapping.bytes.every((byte) => byte === 7)).toBe(true);
  await expect(ring.madvise(mapping.bytes.subarray(1, BLOCK), 'willneed')).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'io_uring:madvise',
  });
});

test('the kernel refuses descriptors that are not there', async () => {
  needs('op:FTRUNCATE');
  const ring = openRing();
  const gone = asFd(19_999);
  const all = await Promise.allSettled([
    ring.fallocate(gone, 0, 1),
    ring.ftruncate(gone, 0),
    ring.syncFileRange(gone),
    ring.fadvise(gone, 'normal'),
  ]);
  for (const { status, reason } of all as PromiseRejectedResult[]) {
    expect(status).toBe('rejected');
    expect(reason).toMatchObject({ code: 'EBADF', fd: 19_999 });
  }
});

test('refuses wrong arguments by name', () => {
  const file = openWith('x');
  const mapping = Mapping.anonymous({ size: BLOCK });
  expectRefusal(() => op.fallocate(3 as never, 0, 1), TYPE, '"fd"');
  expectRefusal(() => op.fallocate(file, -1, 1), RANGE, '"offset"');
  expectRefusal(() => op.fallocate(file, 0, 0), RANGE, '"length"');
  expectRefusal(() => op.fallocate(file, 0, 1, { keepSize: 1 as never }), TYPE, '"keepSize"');
  expectRefusal(() => op.fallocate(file, 0, 1, { keepsize: true } as never), VALUE, '"keepSize"');
  expectRefusal(() => op.ftruncate(file, 2 ** 53), RANGE, '"length"');
  expectRefusal(() => op.ftruncate(file, '1' as never), TYPE, '"length"');
  expectRefusal(() => op.syncFileRange(file, { length: 2 ** 32 }), RANGE, '"length"');
  expectRefusal(() => op.syncFileRange(file, { write: 'yes' as never }), TYPE, '"write"');
  expectRefusal(() => op.fadvise(file, 'soon' as never), VALUE, "'willneed'");
  expectRefusal(() => op.fadvise(file, 'normal', { offset: -1 }), RANGE, '"offset"');
  expectRefusal(() => op.madvise(new Uint8Array(1), 'cold'), TYPE, 'a view of a Mapping');
  expectRefusal(() => op.madvise(mapping, 'dontneed' as never), VALUE, '"advice"');
  expectRefusal(() => op.madvise(mapping, 'guard-install' as never), VALUE, '"advice"');
  expectRefusal(() => op.madvise(mapping, 'cold', { length: 1 } as never), VALUE, '"length"');
  mapping.dispose();
  expect(() => openRing().run(op.madvise(mapping, 'cold'))).toThrow('disposed');
});
