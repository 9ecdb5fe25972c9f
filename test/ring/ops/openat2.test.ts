/** openat2, and openat from an open directory. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OwnedFd, op, type Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  folder,
  openRing,
  openWith,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';

interface Tree {
  readonly base: string;
  readonly dirfd: OwnedFd;
}

/** `inside/file`, and `inside/out`, `inside/in` and `inside/absolute` that lead to files. */
async function tree(ring: Ring): Promise<Tree> {
  const base = join(folder(), 'inside');
  mkdirSync(base);
  writeFileSync(join(base, 'file'), 'inside');
  writeFileSync(join(base, '..', 'file'), 'outside');
  symlinkSync('../file', join(base, 'out'));
  symlinkSync('file', join(base, 'in'));
  symlinkSync('/file', join(base, 'absolute'));
  const dirfd = await ring.openat(base, { path: true, directory: true });
  onTestFinished(() => dirfd.close());
  return { base, dirfd };
}

async function contents(ring: Ring, opened: Promise<OwnedFd>): Promise<string> {
  using file = await opened;
  const target = new Uint8Array(20);
  return text(target.subarray(0, await ring.read(file, target)));
}

test('both open relative to an open directory', async () => {
  const ring = openRing();
  const { dirfd } = await tree(ring);
  expect(await contents(ring, ring.openat('file', { dirfd }))).toBe('inside');
  expect(await contents(ring, ring.openat2('file', { dirfd }))).toBe('inside');
  expect(await contents(ring, ring.openat2('out', { dirfd }))).toBe('outside');
  await expect(ring.openat('gone', { dirfd })).rejects.toMatchObject({
    code: 'ENOENT',
    path: 'gone',
    fd: dirfd.fd,
  });
  await expect(ring.openat('x', { dirfd: openWith('') })).rejects.toMatchObject({
    code: 'ENOTDIR',
  });
});

test('each restriction of the path does what it says', async () => {
  const ring = openRing();
  const { base, dirfd } = await tree(ring);
  const refused = (path: string, options: object, code: string): Promise<void> =>
    expect(ring.openat2(path, { dirfd, ...options }), path).rejects.toMatchObject({
      code,
      syscall: 'io_uring:openat2',
      path,
    });
  const open = (path: string, options: object): Promise<string> =>
    contents(ring, ring.openat2(path, { dirfd, ...options }));
  expect(await open('in', { beneath: true })).toBe('inside');
  await refused('out', { beneath: true }, 'EXDEV');
  await refused('absolute', { beneath: true }, 'EXDEV');
  await refused(join(base, 'file'), { beneath: true }, 'EXDEV');
  expect(await open('absolute', { inRoot: true })).toBe('inside');
  expect(await open('out', { inRoot: true })).toBe('inside');
  await refused('in', { noSymlinks: true }, 'ELOOP');
  await refused(`/proc/self/fd/${openWith('').fd}`, { noMagiclinks: true }, 'ELOOP');
  await refused('/proc/self/status', { noXdev: true }, 'EXDEV');
  expect(await open('file', { cached: true })).toBe('inside');
  await refused('file', { beneath: true, inRoot: true }, 'EINVAL');
});

test('creates with a mode, and refuses one that has no use', async () => {
  needs('op:LINKAT');
  const ring = openRing();
  const { base, dirfd } = await tree(ring);
  const made = { dirfd, access: 'write', create: true, exclusive: true, beneath: true } as const;
  using file = await ring.openat2('new', { ...made, mode: 0o640 });
  await ring.write(file, bytesOf('made'));
  expect(readFileSync(join(base, 'new'), 'utf8')).toBe('made');
  await expect(ring.openat2('new', made)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(ring.openat2('file', { dirfd, mode: 0o600 })).rejects.toMatchObject({
    code: 'EINVAL',
  });
  using nameless = await ring.openat2('.', { dirfd, access: 'readwrite', tmpfile: true });
  await ring.linkat(nameless, 'named', { newDirfd: dirfd });
  expect(execFileSync('stat', ['-c', '%h', join(base, 'named')]).toString()).toBe('1\n');
});

test('opens into the table of files', async () => {
  needs('register:FILE_ALLOC_RANGE');
  const ring = openRing();
  const { dirfd } = await tree(ring);
  using file = await ring.openat2('file', { dirfd, beneath: true, into: ring.files });
  const target = new Uint8Array(6);
  await ring.read(file, target, { offset: 0 });
  expect(text(target)).toBe('inside');
});

test('refuses wrong arguments by name', () => {
  const file = openWith('x');
  expectRefusal(() => op.openat2(5 as never), TYPE, '"path"');
  expectRefusal(() => op.openat2('x', { beneath: 1 as never }), TYPE, '"beneath"');
  expectRefusal(() => op.openat2('x', { nosymlinks: true } as never), VALUE, '"noSymlinks"');
  expectRefusal(() => op.openat2('x', { access: 'rw' as never }), VALUE, "'readwrite'");
  expectRefusal(() => op.openat2('x', { mode: 0o10000 }), RANGE, '"mode"');
  expectRefusal(() => op.openat2('x', { dirfd: 3 as never }), TYPE, '"dirfd"');
  expectRefusal(() => op.openat2('x', { into: file as never }), TYPE, '"into"');
  expectRefusal(() => op.openat('x', { dirfd: 3 as never }), TYPE, '"dirfd"');
  expectRefusal(() => op.openat('x', { beneath: true } as never), VALUE, '"beneath"');
});
