/** Extended attributes, by path and by descriptor. */
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { asFd, type DirectFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  folder,
  openPlain,
  openRing,
  openWith,
  pattern,
  pipe,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';

/** The same, as another program sees it. */
const seenByPython = (path: string, name: string): Buffer =>
  execFileSync('python3', [
    '-c',
    'import os,sys; sys.stdout.buffer.write(os.getxattr(*sys.argv[1:]))',
    path,
    name,
  ]);

test('are set and read by path', async () => {
  needs('op:SETXATTR', 'program:python3');
  const ring = openRing();
  const path = fileOf('x');
  await ring.setxattr(path, 'user.größe', bytesOf('a value'));
  expect(seenByPython(path, 'user.größe').toString()).toBe('a value');
  expect(text(await ring.getxattr(path, 'user.größe'))).toBe('a value');
  const link = join(folder(), 'link');
  symlinkSync(path, link);
  expect(text(await ring.getxattr(link, 'user.größe', { sizeMax: 7 }))).toBe('a value');
  await ring.setxattr(Buffer.from(path), 'user.größe', new Uint8Array(0));
  expect(await ring.getxattr(path, 'user.größe')).toEqual(new Uint8Array(0));
});

test('are set and read by descriptor', async () => {
  needs('op:FSETXATTR');
  const ring = openRing();
  const path = fileOf('x');
  const file = openPlain(path);
  await ring.fsetxattr(file, 'user.a', Uint16Array.of(0x3130));
  expect(text(await ring.fgetxattr(file, 'user.a'))).toBe('01');
  expect(text(await ring.getxattr(path, 'user.a'))).toBe('01');
});

test('are set and read by direct descriptor', async () => {
  // Before, the kernel refuses it with EBADF.
  needs('op:FSETXATTR', 'linux:6.13');
  const ring = openRing();
  const path = fileOf('x');
  const file = openPlain(path);
  using registered = ring.registerFiles([file]);
  const direct = registered.files[0] as DirectFd;
  await ring.fsetxattr(file, 'user.a', Uint16Array.of(0x3130));
  await ring.fsetxattr(direct, 'user.b', bytesOf('2'));
  expect(text(await ring.fgetxattr(direct, 'user.a'))).toBe('01');
  expect(text(await ring.fgetxattr(file, 'user.b'))).toBe('2');
  expect(text(await ring.getxattr(path, 'user.b'))).toBe('2');
});

test('create and replace say which it must be', async () => {
  needs('op:SETXATTR');
  const ring = openRing();
  const path = fileOf('x');
  const file = openPlain(path);
  await expect(
    ring.setxattr(path, 'user.a', bytesOf('1'), { replace: true }),
  ).rejects.toMatchObject({ code: 'ENODATA', syscall: 'io_uring:setxattr', path });
  await ring.setxattr(path, 'user.a', bytesOf('1'), { create: true });
  await expect(
    ring.fsetxattr(file, 'user.a', bytesOf('2'), { create: true }),
  ).rejects.toMatchObject({ code: 'EEXIST', syscall: 'io_uring:fsetxattr' });
  await ring.fsetxattr(file, 'user.a', bytesOf('2'), { replace: true });
  expect(text(await ring.getxattr(path, 'user.a'))).toBe('2');
});

test('many at once do not mix their values up', async () => {
  needs('op:SETXATTR');
  const ring = openRing();
  const path = fileOf('x');
  const values = Array.from({ length: 20 }, (_, index) => pattern(50 + index, index));
  await Promise.all(values.map((value, index) => ring.setxattr(path, `user.${index}`, value)));
  const read = await Promise.all(values.map((_, index) => ring.getxattr(path, `user.${index}`)));
  expect(read).toEqual(values);
});

test('the kernel refuses what is not there, too long or not to be had', async () => {
  needs('op:SETXATTR');
  const ring = openRing();
  const path = fileOf('x');
  await ring.setxattr(path, 'user.a', bytesOf('long'));
  await expect(ring.getxattr(path, 'user.b')).rejects.toMatchObject({
    code: 'ENODATA',
    syscall: 'io_uring:getxattr',
    path,
  });
  await expect(ring.getxattr(path, 'user.a', { sizeMax: 3 })).rejects.toMatchObject({
    code: 'ERANGE',
  });
  await expect(ring.getxattr(path, 'nowhere.a')).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  await expect(ring.fgetxattr(asFd(19_999), 'user.a')).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'io_uring:fgetxattr',
  });
  await expect(ring.fsetxattr(pipe(), 'user.a', bytesOf('x'))).rejects.toMatchObject({
    code: expect.stringMatching(/^E(PERM|OPNOTSUPP)$/),
  });
});

test('refuses wrong arguments by name', () => {
  const file = openWith('x');
  const value = bytesOf('x');
  expectRefusal(() => op.getxattr(1 as never, 'user.a'), TYPE, '"path"');
  expectRefusal(() => op.getxattr('a', 1 as never), TYPE, '"name"');
  expectRefusal(() => op.getxattr('a', ''), VALUE, '"name"');
  expectRefusal(() => op.getxattr('a', 'user.\0'), VALUE, 'null bytes');
  expectRefusal(() => op.getxattr('a', 'x'.repeat(256)), VALUE, '1 to 255');
  expectRefusal(() => op.getxattr('a', 'user.a', { sizeMax: 0 }), RANGE, '"sizeMax"');
  expectRefusal(() => op.fgetxattr(3 as never, 'user.a'), TYPE, '"fd"');
  expectRefusal(() => op.setxattr('a', 'user.a', 'text' as never), TYPE, '"value"');
  expectRefusal(() => op.setxattr('a', 'user.a', new Uint8Array(65_537)), VALUE, '65536 bytes');
  expectRefusal(() => op.fsetxattr(file, 'user.a', value, { create: 1 as never }), TYPE, 'create');
  expectRefusal(() => op.fsetxattr(file, 'user.a', value, { flags: 1 } as never), VALUE, 'flags');
});
