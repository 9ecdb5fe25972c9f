/** statx: every field against what Node says of the same file. */
import {
  chmodSync,
  linkSync,
  lstatSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asFd, type FileStatus, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  expectRefusal,
  fileOf,
  folder,
  openPlain,
  openRing,
  pipe,
  TYPE,
  VALUE,
} from '../../support/ring.js';

function expectSame(status: FileStatus, path: string, like = statSync(path)): void {
  expect(status).toMatchObject({
    mode: like.mode,
    size: like.size,
    blocks: like.blocks,
    blockSize: like.blksize,
    inode: like.ino,
    links: like.nlink,
    uid: like.uid,
    gid: like.gid,
  });
  // Node packs both into one number, as glibc does.
  const major = (like.dev >>> 8) & 0xfff;
  const minor = (like.dev & 0xff) | ((like.dev >>> 12) & 0xfff00);
  expect([status.deviceMajor, status.deviceMinor]).toEqual([major, minor]);
  for (const name of ['atimeMs', 'mtimeMs', 'ctimeMs', 'birthtimeMs'] as const) {
    const own = name === 'birthtimeMs' ? status.btimeMs : status[name];
    expect(own).toBeCloseTo(like[name], 2);
  }
}

test('says of a file what Node says, by path, URL, bytes and descriptor', async () => {
  const ring = openRing();
  const path = fileOf('some bytes');
  chmodSync(path, 0o4751);
  linkSync(path, `${path}-again`);
  utimesSync(path, 1_234_567_890.25, 4_294_967_300.5);
  const file = openPlain(path, 0);
  for (const target of [path, pathToFileURL(path), Buffer.from(path), file]) {
    expectSame(await ring.statx(target), path);
  }
  expect((await ring.statx(path)).mtimeMs).toBe(4_294_967_300_500);
});

test('says it of folders, devices and times before 1970', async () => {
  const ring = openRing();
  const base = folder();
  utimesSync(base, -1000.5, -2000.5);
  for (const path of [base, '/dev/null', '/proc/self/status', '/']) {
    expectSame(await ring.statx(path), path);
  }
});

test('looks through a symbolic link, or at it', async () => {
  const ring = openRing();
  const path = fileOf('target');
  const link = join(folder(), 'link');
  symlinkSync(path, link);
  expectSame(await ring.statx(link), path);
  expectSame(await ring.statx(link, { noFollow: true }), link, lstatSync(link));
});

test('tells the alignment of direct I/O', async () => {
  needs('linux:6.1');
  const ring = openRing();
  const status = await ring.statx(fileOf('x'));
  expect(status.directMemoryAlignment).toBeGreaterThan(0);
  expect(status.directOffsetAlignment).toBeGreaterThan(0);
  expect((await ring.statx('/proc/self/status')).directOffsetAlignment).toBe(0);
});

test('looks from an open directory, and says what kind of file it is', async () => {
  const ring = openRing();
  const base = folder();
  writeFileSync(join(base, 'file'), 'x');
  symlinkSync('file', join(base, 'link'));
  using dirfd = await ring.openat(base, { directory: true });
  const typeOf = async (path: string): Promise<string> =>
    (await ring.statx(path, { dirfd, noFollow: true, noAutomount: true })).type;
  expect(await typeOf('file')).toBe('file');
  expect(await typeOf('link')).toBe('symlink');
  expect(await typeOf('.')).toBe('directory');
  expect(await typeOf('/dev/null')).toBe('character-device');
  expect((await ring.statx(pipe())).type).toBe('fifo');
  expectSame(await ring.statx('link', { dirfd }), join(base, 'file'));
  const device = await ring.statx('/dev/null');
  expect([device.specialMajor, device.specialMinor]).toEqual([1, 3]);
});

test('asks for what is wanted only, and of whom', async () => {
  const ring = openRing();
  const path = fileOf('some bytes');
  const some = await ring.statx(path, { mask: ['size', 'mtime'], sync: 'dont' });
  expect(some).toMatchObject({ size: 10, mtimeMs: expect.closeTo(statSync(path).mtimeMs, 2) });
  expect(some.mask & 0x240).toBe(0x240);
  const all = await ring.statx(path, { sync: 'force' });
  // STATX_BASIC_STATS.
  expect(all.mask & 0x7ff).toBe(0x7ff);
  expect(all.attributes.immutable ?? false).toBe(false);
  expect(all.mountId).toBeGreaterThan(0);
  await expect(ring.statx('x', { dirfd: openPlain(path) })).rejects.toMatchObject({
    code: 'ENOTDIR',
  });
});

test('a hundred at once do not mix their answers up', async () => {
  const ring = openRing();
  const paths = Array.from({ length: 100 }, (_, index) => fileOf('x'.repeat(index)));
  const sizes = await Promise.all(paths.map(async (path) => (await ring.statx(path)).size));
  expect(sizes).toEqual(paths.map((_, index) => index));
});

test('errors name the path', async () => {
  const ring = openRing();
  const path = join(folder(), 'gone');
  await expect(ring.statx(path)).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'io_uring:statx',
    path,
  });
  await expect(ring.statx(asFd(19_999))).rejects.toMatchObject({ code: 'EBADF', fd: 19_999 });
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.statx(3 as never), TYPE, '"target"');
  expectRefusal(() => op.statx('a\0'), VALUE, '"target"');
  expectRefusal(() => op.statx('a', { noFollow: 1 as never }), TYPE, '"noFollow"');
  expectRefusal(() => op.statx('a', { follow: true } as never), VALUE, '"follow"');
  expectRefusal(() => op.statx('a', { mask: ['date' as never] }), VALUE, '"mask"');
  expectRefusal(() => op.statx('a', { sync: 'now' as never }), VALUE, "'force'");
  expectRefusal(() => op.statx('a', { dirfd: 3 as never }), TYPE, '"dirfd"');
});
