/** write and writeFixed: bytes, offsets, and memory that changes at once. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asFd, Mapping } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  folder,
  openPlain,
  openRing,
  pattern,
  pipe,
  RANGE,
  TYPE,
  text,
} from '../../support/ring.js';

test('writes at the offset, and at the position of the file', async () => {
  const ring = openRing();
  const path = fileOf('..........');
  const file = openPlain(path);
  expect(await ring.write(file, bytesOf('abc'), { offset: 4 })).toBe(3);
  expect(await ring.write(file, bytesOf('xy'))).toBe(2);
  expect(await ring.write(file, bytesOf('z'), { offset: -1 })).toBe(1);
  expect(readFileSync(path, 'utf8')).toBe('xyz.abc...');
});

test('the source is the caller’s again at once', async () => {
  const ring = openRing();
  const path = fileOf('');
  const source = bytesOf('right');
  const written = ring.write(openPlain(path), source, { offset: 0 });
  source.fill(0x21);
  structuredClone(source.buffer, { transfer: [source.buffer as ArrayBuffer] });
  expect(await written).toBe(5);
  expect(readFileSync(path, 'utf8')).toBe('right');
});

test('takes any view', async () => {
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path);
  const memory = new SharedArrayBuffer(8);
  new Uint8Array(memory).set(bytesOf('abcdefgh'));
  using mapping = Mapping.anonymous({ size: 4096 });
  mapping.bytes.set(bytesOf('mapped'), 4090);
  expect(await ring.write(file, new Uint16Array(memory, 2, 2))).toBe(4);
  expect(await ring.write(file, new DataView(memory, 7))).toBe(1);
  expect(await ring.write(file, mapping.bytes.subarray(4090))).toBe(6);
  expect(await ring.write(file, new Uint8Array(0))).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe('cdefhmapped');
});

test('writes 8 MiB at once, and past 4 GiB', async () => {
  const ring = openRing();
  const path = join(folder(), 'large');
  const file = openPlain(path);
  const bytes = pattern(8 << 20);
  expect(await ring.write(file, bytes, { offset: 0 })).toBe(bytes.length);
  expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
  const far = 5 * 2 ** 30 + 3;
  expect(await ring.write(file, bytesOf('far'), { offset: far })).toBe(3);
  expect(statSync(path).size).toBe(far + 3);
  const target = new Uint8Array(3);
  await ring.read(file, target, { offset: far });
  expect(text(target)).toBe('far');
});

test('writeFixed writes registered memory only', async () => {
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path);
  using mapping = Mapping.anonymous({ size: 4096 });
  mapping.bytes.set(bytesOf('fixed'), 100);
  const part = mapping.bytes.subarray(100, 105);
  expect(() => ring.writeFixed(file, part)).toThrow('not registered');
  using _registration = ring.registerBuffers([mapping]);
  expect(await ring.writeFixed(file, part, { offset: 2 })).toBe(5);
  expect(readFileSync(path, 'utf8')).toBe('\0\0fixed');
  expectRefusal(() => ring.writeFixed(file, bytesOf('no')), TYPE, 'a view of a Mapping');
});

test('refuses wrong arguments, and tells what the kernel refuses', async () => {
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path, 0);
  expectRefusal(() => ring.write(file, 'text' as never), TYPE, '"source"');
  expectRefusal(() => ring.write(file, bytesOf('a'), { offset: -5 }), RANGE, '"offset"');
  await expect(ring.write(file, bytesOf('a'))).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'io_uring:write',
    fd: file.fd,
  });
  await expect(ring.write(asFd(19_999), bytesOf('a'))).rejects.toMatchObject({ code: 'EBADF' });
  const full = openPlain('/dev/full', 2);
  await expect(ring.write(full, bytesOf('a'))).rejects.toMatchObject({ code: 'ENOSPC' });
});

test('a write that waits for room in a pipe ends by its time limit', async () => {
  const ring = openRing();
  const ends = pipe();
  const lot = new Uint8Array(65_536);
  expect(await ring.write(ends, lot)).toBe(65_536);
  const stuck = ring.write(ends, lot, { timeoutMs: 10 });
  await expect(stuck).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'io_uring:write' });
});
