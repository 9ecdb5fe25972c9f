/** readv and writev: many pieces of memory in one operation. */
import { readFileSync } from 'node:fs';
import { DetachedError, Mapping } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  later,
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

const pieces = (bytes: Uint8Array, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) =>
    bytes.subarray((bytes.length / count) * index, (bytes.length / count) * (index + 1)),
  );

test('reads into the views in their order, the last ones as far as it goes', async () => {
  const ring = openRing();
  const file = openWith('abcdefgh');
  const targets = [new Uint8Array(3), new Uint16Array(1), new Uint8Array(0), new Uint8Array(9)];
  expect(await ring.readv(file, targets, { offset: 0 })).toBe(8);
  expect(targets.map((view) => text(new Uint8Array(view.buffer)))).toEqual([
    'abc',
    'de',
    '',
    `fgh${'\0'.repeat(6)}`,
  ]);
  expect(await ring.readv(file, targets, { offset: 8 })).toBe(0);
});

test('one view is enough, 1024 are the most', async () => {
  const ring = openRing();
  const bytes = pattern(1024 * 64);
  const path = fileOf('');
  const file = openPlain(path);
  expect(await ring.writev(file, pieces(bytes, 1024), { offset: 0 })).toBe(bytes.length);
  expect(Buffer.compare(readFileSync(path), bytes)).toBe(0);
  const target = new Uint8Array(bytes.length);
  expect(await ring.readv(file, pieces(target, 1024), { offset: 0 })).toBe(bytes.length);
  expect(Buffer.compare(target, bytes)).toBe(0);
  target.fill(0);
  expect(await ring.readv(file, [target], { offset: 0 })).toBe(bytes.length);
  expect(Buffer.compare(target, bytes)).toBe(0);
});

test('views of one mapping are used in place', async () => {
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path);
  using mapping = Mapping.anonymous({ size: 4 << 20 });
  mapping.bytes.set(pattern(4 << 20));
  const reversed = pieces(mapping.bytes, 4).reverse();
  expect(await ring.writev(file, reversed, { offset: 0 })).toBe(4 << 20);
  expect(Buffer.compare(readFileSync(path), Buffer.concat(reversed))).toBe(0);
  const before = mapping.bytes.slice();
  mapping.bytes.fill(0);
  expect(await ring.readv(file, reversed, { offset: 0 })).toBe(4 << 20);
  expect(Buffer.compare(mapping.bytes, before)).toBe(0);
});

test('views of several memories may be mixed', async () => {
  const ring = openRing();
  using first = Mapping.anonymous({ size: 4096 });
  using second = Mapping.anonymous({ size: 4096 });
  const own = new Uint8Array(3);
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  const targets = [own, first.bytes.subarray(0, 2), second.bytes.subarray(10, 13), shared];
  expect(await ring.readv(openWith('abcdefghij'), targets, { offset: 0 })).toBe(10);
  expect(targets.map((target) => text(target))).toEqual(['abc', 'de', 'fgh', 'ij']);
});

test('one view that is detached in flight loses its part only', async () => {
  const ring = openRing();
  const ends = pipe();
  const targets = [new Uint8Array(2), new Uint8Array(2), new Uint8Array(2)] as const;
  const waiting = later(ring.readv(ends, targets));
  await ring.nop();
  structuredClone(targets[1].buffer, { transfer: [targets[1].buffer] });
  await ring.write(ends, bytesOf('abcdef'));
  await expect(waiting).rejects.toBeInstanceOf(DetachedError);
  await expect(waiting).rejects.toThrow('2 received bytes');
  expect([text(targets[0]), text(targets[2])]).toEqual(['ab', 'ef']);
});

test('offsets, errors and arguments are as those of read and write', async () => {
  const ring = openRing();
  const file = openWith('abcdef');
  const target = new Uint8Array(2);
  expect(await ring.readv(file, [target])).toBe(2);
  expect(await ring.readv(file, [target])).toBe(2);
  expect(text(target)).toBe('cd');
  const many = Array.from({ length: 1025 }, () => target);
  expectRefusal(() => ring.readv(file, []), VALUE, '"targets"');
  expectRefusal(() => ring.readv(file, many), VALUE, '1 to 1024');
  expectRefusal(() => ring.readv(file, target as never), VALUE, '"targets"');
  expectRefusal(() => ring.readv(file, [target, 5 as never]), TYPE, '"targets[1]"');
  expectRefusal(() => ring.readv(file, [target], { offset: 0.5 }), RANGE, '"offset"');
  expectRefusal(() => ring.writev(file, []), VALUE, '"sources"');
  expectRefusal(() => ring.writev(file, [null as never]), TYPE, '"sources[0]"');
  expectRefusal(() => ring.writev(file, [target], { at: 1 } as never), VALUE, '"at"');
  const readOnly = openPlain(fileOf(''), 0);
  await expect(ring.writev(readOnly, [target])).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'io_uring:writev',
  });
});
