/** openat: access, creation, every kind of path, and what the kernel refuses. */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OwnedFd } from 'nearmetal/fd';
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { O_DIRECT } from '../../../lib/abi.js';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  folder,
  openRing,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';

const flagsOf = (fd: number): number =>
  Number.parseInt(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8);

test('gives an owned descriptor that is closed on exec', async () => {
  const ring = openRing();
  using file = await ring.openat(fileOf('here'));
  expect(file).toBeInstanceOf(OwnedFd);
  expect(file.fd).toBeGreaterThan(2);
  expect(flagsOf(file.fd) & 0o2000000).toBe(0o2000000);
  const target = new Uint8Array(4);
  await ring.read(file, target);
  expect(text(target)).toBe('here');
  await expect(ring.write(file, target)).rejects.toMatchObject({ code: 'EBADF' });
});

test('access says whether it can be read or written', async () => {
  const ring = openRing();
  const path = fileOf('old');
  using writing = await ring.openat(path, { access: 'write' });
  await ring.write(writing, bytesOf('new'));
  await expect(ring.read(writing, new Uint8Array(1))).rejects.toMatchObject({ code: 'EBADF' });
  using both = await ring.openat(path, { access: 'readwrite' });
  const target = new Uint8Array(3);
  await ring.read(both, target, { offset: 0 });
  expect(text(target)).toBe('new');
  expect(await ring.write(both, target, { offset: 3 })).toBe(3);
});

test('creates with the mode, less the umask', async () => {
  const ring = openRing();
  const base = folder();
  const mask = process.umask();
  const path = join(base, 'new');
  using _first = await ring.openat(path, { access: 'write', create: true, mode: 0o640 });
  expect(statSync(path).mode & 0o7777).toBe(0o640 & ~mask);
  const other = join(base, 'default');
  using _second = await ring.openat(other, { access: 'write', create: true });
  expect(statSync(other).mode & 0o7777).toBe(0o666 & ~mask);
  await expect(
    ring.openat(path, { access: 'write', create: true, exclusive: true }),
  ).rejects.toMatchObject({ code: 'EEXIST', errno: -17, syscall: 'io_uring:openat', path });
});

test('appends, truncates, and insists on folders', async () => {
  const ring = openRing();
  const path = fileOf('start');
  using adding = await ring.openat(path, { access: 'write', append: true });
  await ring.write(adding, bytesOf('+end'), { offset: 0 });
  expect(readFileSync(path, 'utf8')).toBe('start+end');
  using _cut = await ring.openat(path, { access: 'write', truncate: true });
  expect(statSync(path).size).toBe(0);
  using _folder = await ring.openat(folder(), { directory: true });
  const wrong = ring.openat(path, { directory: true });
  await expect(wrong).rejects.toMatchObject({ code: 'ENOTDIR', path });
});

test('follows a symbolic link unless told not to', async () => {
  const ring = openRing();
  const base = folder();
  const link = join(base, 'link');
  writeFileSync(join(base, 'real'), 'x');
  symlinkSync('real', link);
  using _file = await ring.openat(link);
  await expect(ring.openat(link, { noFollow: true })).rejects.toMatchObject({ code: 'ELOOP' });
});

test('opens past the page cache, and takes raw flags', async () => {
  const ring = openRing();
  const path = fileOf(new Uint8Array(8192));
  using direct = await ring.openat(path, { direct: true });
  expect(flagsOf(direct.fd) & O_DIRECT).toBe(O_DIRECT);
  using synced = await ring.openat(path, { access: 'write', rawFlags: 0o4010000 });
  expect(flagsOf(synced.fd) & 0o4010000).toBe(0o4010000);
});

test('takes strings, bytes and file: URLs, in any alphabet', async () => {
  const ring = openRing();
  const base = folder();
  const path = join(base, 'größe 100% #1?');
  writeFileSync(path, 'x');
  const odd = Buffer.concat([Buffer.from(`${base}/`), Buffer.from([0xff, 0xfe])]);
  writeFileSync(odd, 'odd');
  for (const name of [path, new Uint8Array(Buffer.from(path)), pathToFileURL(path), odd]) {
    using file = await ring.openat(name);
    expect(file.closed).toBe(false);
  }
});

test('names the path of a failure as Node does', async () => {
  const ring = openRing();
  const path = join(folder(), 'not here');
  const failure = {
    code: 'ENOENT',
    errno: -2,
    syscall: 'io_uring:openat',
    path,
    message: `ENOENT: no such file or directory, io_uring:openat '${path}'`,
  };
  await expect(ring.openat(path)).rejects.toMatchObject(failure);
  await expect(ring.openat(Buffer.from(path))).rejects.toMatchObject(failure);
  await expect(ring.openat(new Uint8Array(Buffer.from(path)))).rejects.toMatchObject(failure);
  await expect(ring.openat(pathToFileURL(path))).rejects.toMatchObject(failure);
});

test('relative paths start at the working directory', async () => {
  const ring = openRing();
  const base = folder();
  mkdirSync(join(base, 'sub'));
  writeFileSync(join(base, 'sub', 'file'), 'x');
  const before = process.cwd();
  process.chdir(base);
  try {
    using file = await ring.openat('sub/file');
    expect(file.closed).toBe(false);
  } finally {
    process.chdir(before);
  }
});

test('refuses wrong arguments by name', () => {
  const ring = openRing();
  const open = (options: object) => () => op.openat('file', options as never);
  expectRefusal(() => ring.openat(5 as never), TYPE, '"path"');
  expectRefusal(() => ring.openat('a\0b'), VALUE, 'null bytes');
  expectRefusal(() => ring.openat(new Uint8Array([65, 0, 66])), VALUE, 'null bytes');
  expectRefusal(() => ring.openat('x'.repeat(5000)), VALUE, 'shorter than 4096');
  expectRefusal(() => ring.openat(new URL('http://host/file')), TYPE, 'file: URL');
  expectRefusal(() => ring.openat(new URL('file://host/file')), VALUE, '"path"');
  expectRefusal(() => ring.openat(new URL('file:///a%2Fb')), VALUE, '"path"');
  expectRefusal(open({ access: 'rw' }), VALUE, "'readwrite'");
  expectRefusal(open({ access: 5 }), VALUE, '"access"');
  expectRefusal(open({ create: 'yes' }), TYPE, '"create"');
  expectRefusal(open({ mode: 0o10000 }), RANGE, '"mode"');
  expectRefusal(open({ mode: '644' }), TYPE, '"mode"');
  expectRefusal(open({ rawFlags: -1 }), RANGE, '"rawFlags"');
  expectRefusal(open({ append: true, nofollow: true }), VALUE, '"noFollow"');
  expect(existsSync('file')).toBe(false);
});

test('an empty path is for the kernel to refuse', async () => {
  await expect(openRing().openat('')).rejects.toMatchObject({ code: 'ENOENT' });
});
