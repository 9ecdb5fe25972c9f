/** What one read or write does differently from the others on its file. */
import { constants, readFileSync } from 'node:fs';
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  openPlain,
  openRing,
  openWith,
  pattern,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';

const { O_APPEND, O_RDWR } = constants;

test('appends to a file that was not opened for it, and not to one that was', async () => {
  needs('linux:6.9');
  const ring = openRing();
  const path = fileOf('abc');
  await ring.write(openPlain(path), bytesOf('def'), { offset: 0, append: true });
  expect(readFileSync(path, 'utf8')).toBe('abcdef');
  const appending = openPlain(path, O_RDWR | O_APPEND);
  await ring.write(appending, bytesOf('g'), { offset: 0 });
  await ring.writev(appending, [bytesOf('X'), bytesOf('Y')], { offset: 1, noappend: true });
  expect(readFileSync(path, 'utf8')).toBe('aXYdefg');
});

test('writes through to the device, and past the cache', async () => {
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path);
  const bytes = pattern(4096);
  expect(await ring.write(file, bytes, { offset: 0, dsync: true })).toBe(4096);
  expect(await ring.writev(file, [bytes], { offset: 4096, sync: true })).toBe(4096);
  expect(readFileSync(path)).toEqual(Buffer.concat([bytes, bytes]));
  const target = new Uint8Array(8192);
  try {
    expect(await ring.read(file, target, { offset: 0, dontcache: true })).toBe(8192);
    expect(Buffer.compare(target, readFileSync(path))).toBe(0);
  } catch (error) {
    // Few file systems know it yet.
    expect(error).toMatchObject({ code: 'EOPNOTSUPP', syscall: 'io_uring:read' });
  }
});

test('nowait reads what is in the cache, and answers EAGAIN rather than wait', async () => {
  needs('op:PIPE');
  const ring = openRing();
  const file = openWith('cached');
  const target = new Uint8Array(6);
  expect(await ring.read(file, target, { offset: 0, nowait: true })).toBe(6);
  expect(text(target)).toBe('cached');
  const ends = await ring.pipe();
  await expect(ring.readv(ends.read, [target], { nowait: true })).rejects.toMatchObject({
    code: 'EAGAIN',
  });
  ends.read.close();
  ends.write.close();
});

test('the kernel refuses what the file cannot do', async () => {
  needs('linux:6.9');
  const ring = openRing();
  const file = openWith('x');
  const bytes = new Uint8Array(3);
  // Not a power of two, and no file opened `direct`.
  await expect(ring.write(file, bytes, { offset: 0, atomic: true })).rejects.toMatchObject({
    code: expect.stringMatching(/^(EOPNOTSUPP|EINVAL)$/),
    syscall: 'io_uring:write',
  });
  const both = { offset: 0, append: true, noappend: true };
  await expect(ring.write(file, bytes, both)).rejects.toMatchObject({ code: 'EINVAL' });
});

test('a polled read needs a ring that polls', async () => {
  const polled = { offset: 0, hipri: true };
  await expect(openRing().read(openWith('x'), new Uint8Array(1), polled)).rejects.toMatchObject({
    code: 'EINVAL',
  });
});

test('refuses wrong arguments by name', () => {
  const file = openWith('x');
  const view = new Uint8Array(1);
  expectRefusal(() => op.read(file, view, { nowait: 1 as never }), TYPE, '"nowait"');
  expectRefusal(() => op.read(file, view, { append: true } as never), VALUE, '"append"');
  expectRefusal(() => op.readv(file, [view], { sync: true } as never), VALUE, '"sync"');
  expectRefusal(() => op.write(file, view, { noAppend: true } as never), VALUE, '"noappend"');
  expectRefusal(() => op.writev(file, [view], { dsync: 'yes' as never }), TYPE, '"dsync"');
  expect(op.write(file, view, { sync: undefined as never }).operationFlags).toBe(0);
});
