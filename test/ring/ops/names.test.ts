/** renameat, unlinkat, mkdirat, symlinkat and linkat: what happens to names. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asFd, type OwnedFd, op, type Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  expectRefusal,
  folder,
  openRing,
  openWith,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

/** A folder, and it as an open descriptor. */
async function openFolder(ring: Ring): Promise<{ base: string; dirfd: OwnedFd }> {
  const base = folder();
  const dirfd = await ring.openat(base, { directory: true });
  onTestFinished(() => dirfd.close());
  return { base, dirfd };
}

test('makes and removes directories, from the working directory or an open one', async () => {
  needs('op:MKDIRAT');
  const ring = openRing();
  const { base, dirfd } = await openFolder(ring);
  const umask = process.umask(0o022);
  onTestFinished(() => void process.umask(umask));
  await ring.mkdirat(join(base, 'absolute'));
  await ring.mkdirat('relative', { dirfd, mode: 0o700 });
  expect(statSync(join(base, 'absolute')).mode & 0o777).toBe(0o755);
  expect(statSync(join(base, 'relative')).mode & 0o777).toBe(0o700);
  await ring.unlinkat('relative', { dirfd, removeDir: true });
  await ring.unlinkat(pathToFileURL(join(base, 'absolute')), { removeDir: true });
  expect(readdirSync(base)).toEqual([]);
});

test('removes files, and directories only when that is asked for', async () => {
  const ring = openRing();
  const { base, dirfd } = await openFolder(ring);
  mkdirSync(join(base, 'directory'));
  writeFileSync(join(base, 'file'), 'x');
  await expect(ring.unlinkat('directory', { dirfd })).rejects.toMatchObject({
    code: 'EISDIR',
    syscall: 'io_uring:unlinkat',
    path: 'directory',
  });
  await expect(ring.unlinkat('file', { dirfd, removeDir: true })).rejects.toMatchObject({
    code: 'ENOTDIR',
  });
  writeFileSync(join(base, 'directory', 'within'), '');
  await expect(ring.unlinkat('directory', { dirfd, removeDir: true })).rejects.toMatchObject({
    code: 'ENOTEMPTY',
  });
  await ring.unlinkat(Buffer.from('file'), { dirfd });
  expect(readdirSync(base)).toEqual(['directory']);
});

test('renames between two directories: over, not over, in exchange, with a whiteout', async () => {
  needs('op:RENAMEAT');
  const ring = openRing();
  const [from, to] = [await openFolder(ring), await openFolder(ring)];
  const both = { oldDirfd: from.dirfd, newDirfd: to.dirfd };
  writeFileSync(join(from.base, 'a'), 'first');
  await ring.renameat('a', 'b', both);
  expect(readFileSync(join(to.base, 'b'), 'utf8')).toBe('first');
  writeFileSync(join(from.base, 'a'), 'second');
  await expect(ring.renameat('a', 'b', { ...both, noReplace: true })).rejects.toMatchObject({
    code: 'EEXIST',
    path: 'a',
    dest: 'b',
    message: "EEXIST: file exists, io_uring:renameat 'a' -> 'b'",
  });
  await ring.renameat('a', 'b', { ...both, exchange: true });
  expect(readFileSync(join(from.base, 'a'), 'utf8')).toBe('first');
  expect(readFileSync(join(to.base, 'b'), 'utf8')).toBe('second');
  await ring.renameat(join(from.base, 'a'), join(to.base, 'b'));
  expect(readFileSync(join(to.base, 'b'), 'utf8')).toBe('first');
  expect(existsSync(join(from.base, 'a'))).toBe(false);
  await expect(
    ring.renameat('b', 'c', { oldDirfd: to.dirfd, exchange: true, noReplace: true }),
  ).rejects.toMatchObject({ code: 'EINVAL' });
  await ring.renameat('b', 'c', { oldDirfd: to.dirfd, newDirfd: to.dirfd, whiteout: true });
  // A whiteout is a character device 0:0.
  expect(lstatSync(join(to.base, 'b'))).toMatchObject({ rdev: 0 });
  expect(lstatSync(join(to.base, 'b')).isCharacterDevice()).toBe(true);
});

test('makes symbolic links', async () => {
  needs('op:SYMLINKAT');
  const ring = openRing();
  const { base, dirfd } = await openFolder(ring);
  await ring.symlinkat('not there', 'link', { dirfd });
  expect(readlinkSync(join(base, 'link'))).toBe('not there');
  await ring.symlinkat(Buffer.from([0xff]), join(base, 'bytes'));
  expect(readlinkSync(join(base, 'bytes'), 'buffer')).toEqual(Buffer.from([0xff]));
  await expect(ring.symlinkat('x', 'link', { dirfd })).rejects.toMatchObject({
    code: 'EEXIST',
    syscall: 'io_uring:symlinkat',
    path: 'x',
    dest: 'link',
  });
});

test('links files by name, through a symbolic link, and by descriptor', async () => {
  needs('op:LINKAT');
  const ring = openRing();
  const { base, dirfd } = await openFolder(ring);
  const both = { oldDirfd: dirfd, newDirfd: dirfd };
  writeFileSync(join(base, 'file'), 'x');
  symlinkSync('file', join(base, 'symbolic'));
  await ring.linkat('file', 'again', both);
  await ring.linkat('symbolic', 'to the link', both);
  await ring.linkat('symbolic', 'to the file', { ...both, follow: true });
  await ring.linkat(openWith('y'), join(folder(), 'elsewhere'));
  const inode = statSync(join(base, 'file')).ino;
  expect(lstatSync(join(base, 'again')).ino).toBe(inode);
  expect(lstatSync(join(base, 'to the file')).ino).toBe(inode);
  expect(lstatSync(join(base, 'to the link')).isSymbolicLink()).toBe(true);
  using nameless = await ring.openat(base, { access: 'readwrite', tmpfile: true });
  await ring.write(nameless, Buffer.from('now it has a name'));
  await ring.linkat(nameless, 'named', { newDirfd: dirfd });
  expect(readFileSync(join(base, 'named'), 'utf8')).toBe('now it has a name');
  await expect(ring.linkat('file', 'again', both)).rejects.toMatchObject({
    code: 'EEXIST',
    syscall: 'io_uring:linkat',
    path: 'file',
    dest: 'again',
  });
});

test('a descriptor that is no directory is refused, and a closed one before that', async () => {
  needs('op:MKDIRAT');
  const ring = openRing();
  const { dirfd } = await openFolder(ring);
  const file = openWith('x');
  await expect(ring.mkdirat('x', { dirfd: file })).rejects.toMatchObject({
    code: 'ENOTDIR',
    fd: file.fd,
  });
  await expect(ring.renameat('/a', 'x', { newDirfd: asFd(19_999) })).rejects.toMatchObject({
    code: 'EBADF',
  });
  const late = op.renameat('a', 'b', { newDirfd: dirfd });
  dirfd.close();
  expect(() => ring.run(late)).toThrow('closed');
  expectRefusal(() => op.mkdirat('x', { dirfd }), TYPE, '"dirfd"');
});

test('refuses wrong arguments by name', () => {
  const ring = openRing();
  using registered = ring.registerFiles([openWith('x')]);
  const [direct] = registered.files;
  expectRefusal(() => op.mkdirat(5 as never), TYPE, '"path"');
  expectRefusal(() => op.mkdirat('x', { mode: 0o10000 }), RANGE, '"mode"');
  expectRefusal(() => op.mkdirat('x', { dirfd: 3 as never }), TYPE, '"dirfd"');
  expectRefusal(() => op.mkdirat('x', { dirfd: direct as never }), TYPE, 'plain descriptor');
  expectRefusal(() => op.mkdirat('x', { recursive: true } as never), VALUE, '"recursive"');
  expectRefusal(() => op.unlinkat('a\0'), VALUE, 'null bytes');
  expectRefusal(() => op.unlinkat('a', { removedir: true } as never), VALUE, '"removeDir"');
  expectRefusal(() => op.renameat(1 as never, 'b'), TYPE, '"oldPath"');
  expectRefusal(() => op.renameat('a', 1 as never), TYPE, '"newPath"');
  expectRefusal(() => op.renameat('a', 'b', { exchange: 1 as never }), TYPE, '"exchange"');
  expectRefusal(() => op.renameat('a', 'b', { dirfd: openWith('') } as never), VALUE, 'dirfd');
  expectRefusal(() => op.renameat('a', 'b', { newDirfd: 1 as never }), TYPE, '"newDirfd"');
  expectRefusal(() => op.symlinkat(1 as never, 'b'), TYPE, '"target"');
  expectRefusal(() => op.symlinkat('a', 'b'.repeat(4096)), VALUE, '"path"');
  expectRefusal(() => op.linkat(1 as never, 'b'), TYPE, '"oldPath"');
  expectRefusal(() => op.linkat(direct as never, 'b'), TYPE, '"existing"');
  expectRefusal(() => op.linkat('a', 'b', { follow: 'yes' as never }), TYPE, '"follow"');
});
