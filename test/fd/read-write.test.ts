/** Plain reads and writes, at an offset, of several views, and with flags. */
import { readFileSync } from 'node:fs';
import { asFd, OwnedFd, Pipe, pread, preadv2, pwrite, pwritev2, read, write } from 'nearmetal/fd';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  openPlain,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

test('read and write move the position, pread and pwrite do not', () => {
  const file = openWith('0123456789');
  const target = new Uint8Array(4);
  expect(read(file, target)).toBe(4);
  expect(pread(file, target, 2)).toBe(4);
  expect(text(target)).toBe('2345');
  expect(pwrite(file, bytesOf('AB'), 4)).toBe(2);
  expect(read(file, target)).toBe(4);
  expect(text(target)).toBe('AB67');
  expect(write(file, bytesOf('xy'))).toBe(2);
  expect(pread(file, new Uint8Array(16), 0)).toBe(10);
  expect(pread(file, target, 2 ** 40)).toBe(0);
});

test('views of every kind name their bytes', () => {
  const file = openWith(pattern(64));
  const words = new Float64Array(4);
  expect(pread(file, words.subarray(1, 3), 8)).toBe(16);
  expect(new Uint8Array(words.buffer).subarray(8, 24)).toEqual(pattern(64).subarray(8, 24));
  expect([words[0], words[3]]).toEqual([0, 0]);
  const kinds: (new (memory: ArrayBufferLike, at: number, length: number) => ArrayBufferView)[] = [
    Int16Array,
    Uint32Array,
    Float32Array,
    BigUint64Array,
    DataView,
  ];
  for (const memory of [new ArrayBuffer(32), new SharedArrayBuffer(32)]) {
    for (const Kind of kinds) {
      const view = new Kind(memory, 8, 1);
      expect(pread(file, view, 3)).toBe(view.byteLength);
      const found = new Uint8Array(memory).slice(8, 8 + view.byteLength);
      expect(found).toEqual(pattern(64).subarray(3, 3 + view.byteLength));
    }
  }
});

test('several views are read and written in order', () => {
  const path = fileOf('');
  const file = openPlain(path);
  const parts = ['one ', 'two ', '', 'three'].map(bytesOf);
  expect(pwritev2(file, parts, { offset: 2 })).toBe(13);
  expect(readFileSync(path, 'latin1')).toBe('\0\0one two three');
  const targets = [new Uint8Array(3), new Uint8Array(0), new Uint16Array(2)];
  expect(preadv2(file, targets, { offset: 2 })).toBe(7);
  expect(targets.map((view) => text(new Uint8Array(view.buffer)))).toEqual(['one', '', ' two']);
  // Without an offset: the file's own position.
  expect(preadv2(file, [new Uint8Array(4)])).toBe(4);
  expect(preadv2(file, [new Uint8Array(20)])).toBe(11);
  expect(preadv2(file, [new Uint8Array(20)])).toBe(0);
});

test('flags of one write: append, noappend, dsync', () => {
  const path = fileOf('0123');
  const file = openPlain(path);
  expect(pwritev2(file, [bytesOf('end')], { offset: 0, append: true })).toBe(3);
  expect(pwritev2(file, [bytesOf('A')], { offset: 0, dsync: true })).toBe(1);
  expect(readFileSync(path, 'latin1')).toBe('A123end');
});

test('nowait answers undefined where it would have to wait', () => {
  // Of a pipe.
  needs('linux:6.4');
  using pipe = Pipe.open();
  expect(preadv2(pipe.readEnd, [new Uint8Array(1)], { nowait: true })).toBeUndefined();
  write(pipe.writeEnd, bytesOf('x'));
  expect(preadv2(pipe.readEnd, [new Uint8Array(1)], { nowait: true })).toBe(1);
});

test('what the kernel refuses', () => {
  using pipe = Pipe.open();
  const one = new Uint8Array(1);
  const failure = (code: string, syscall: string) => expect.objectContaining({ code, syscall });
  expect(() => pread(pipe.readEnd, one, 0)).toThrow(failure('ESPIPE', 'pread'));
  expect(() => write(pipe.readEnd, one)).toThrow(failure('EBADF', 'write'));
  expect(() => read(pipe.writeEnd, one)).toThrow(failure('EBADF', 'read'));
  pipe.readEnd.close();
  expect(() => write(pipe.writeEnd, one)).toThrow(failure('EPIPE', 'write'));
  expect(() => read(asFd(2 ** 31 - 1), one)).toThrow(failure('EBADF', 'read'));
  expect(() => read(openPlain('/proc/self', 0), one)).toThrow(failure('EISDIR', 'read'));
});

test('wrong arguments are refused before any call', () => {
  const file = openWith('text');
  const one = new Uint8Array(1);
  expectRefusal(() => read(3 as never, one), TYPE, 'fd');
  expectRefusal(() => read(file, 'x' as never), TYPE, 'target');
  expectRefusal(() => read(file, new Uint8Array(0)), VALUE, 'target');
  expectRefusal(() => pread(file, one, -1), RANGE, 'offset');
  expectRefusal(() => pread(file, one, 2 ** 53), RANGE, 'offset');
  expectRefusal(() => preadv2(file, [] as never), VALUE, 'targets');
  expectRefusal(() => preadv2(file, one as never), TYPE, 'targets');
  expectRefusal(() => preadv2(file, [one, null as never]), TYPE, 'targets[1]');
  expectRefusal(() => preadv2(file, [one], { append: true } as never), VALUE, 'append');
  expectRefusal(() => pwritev2(file, [one], { sync: 1 as never }), TYPE, 'sync');
  const closed = OwnedFd.adopt(Pipe.open().writeEnd.release());
  closed.close();
  expectRefusal(() => write(closed, one), TYPE, 'fd');
});
