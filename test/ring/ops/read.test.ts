/** read and readFixed: bytes, ends of files, and every kind of memory. */
import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { asFd, DetachedError, Mapping, op } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  folder,
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

const GiB = 2 ** 30;

test('fills the target from the offset, and answers how much', async () => {
  const ring = openRing();
  const file = openWith('0123456789');
  const target = new Uint8Array(4).fill(0x2e);
  expect(await ring.read(file, target, { offset: 3 })).toBe(4);
  expect(text(target)).toBe('3456');
  expect(await ring.read(file, target, { offset: 8 })).toBe(2);
  expect(text(target)).toBe('8956');
  expect(await ring.read(file, target, { offset: 10 })).toBe(0);
  expect(await ring.read(file, target, { offset: 2 ** 40 })).toBe(0);
});

test('without an offset it uses and moves the position of the file', async () => {
  const ring = openRing();
  const file = openWith('abcdef');
  const target = new Uint8Array(3);
  expect(await ring.read(file, target)).toBe(3);
  expect(await ring.read(file, target, { offset: -1 })).toBe(3);
  expect(text(target)).toBe('def');
  expect(await ring.read(file, target)).toBe(0);
});

test('reads from a pipe, waiting for what comes', async () => {
  const ring = openRing();
  const ends = pipe();
  const target = new Uint8Array(10);
  const waiting = ring.read(ends, target);
  await ring.timeout(5);
  expect(ring.stats.inFlight).toBe(1);
  await ring.write(ends, bytesOf('late'));
  expect(await waiting).toBe(4);
  expect(text(target.subarray(0, 4))).toBe('late');
});

test('reads past 4 GiB, in a file of holes', async () => {
  const ring = openRing();
  const fd = openSync(join(folder(), 'holes'), constants.O_RDWR | constants.O_CREAT);
  onTestFinished(() => closeSync(fd));
  ftruncateSync(fd, 9 * GiB);
  for (const offset of [4 * GiB - 2, 4 * GiB, 8 * GiB + 12_345]) {
    writeSync(fd, 'far away', offset);
    const target = new Uint8Array(8);
    expect(await ring.read(asFd(fd), target, { offset })).toBe(8);
    expect(text(target)).toBe('far away');
  }
});

test('reads 8 MiB at once, through a copy and in place', async () => {
  const ring = openRing();
  const bytes = pattern(8 << 20);
  const file = openWith(bytes);
  const copied = new Uint8Array(bytes.length);
  expect(await ring.read(file, copied, { offset: 0 })).toBe(bytes.length);
  expect(Buffer.compare(copied, bytes)).toBe(0);
  using mapping = Mapping.anonymous({ size: bytes.length });
  expect(await ring.read(file, mapping.bytes, { offset: 0 })).toBe(bytes.length);
  expect(Buffer.compare(mapping.bytes, bytes)).toBe(0);
});

test('many sizes around those of the staging blocks come back whole', async () => {
  const ring = openRing();
  const bytes = pattern(3 << 20);
  const file = openWith(bytes);
  const sizes = [1, 63, 64, 65, 4095, 4096, 4097, 65_535, 1 << 20, (1 << 20) + 1, 2 << 20];
  await Promise.all(
    sizes.map(async (size, index) => {
      const target = new Uint8Array(size + 2);
      const view = target.subarray(1, size + 1);
      expect(await ring.read(file, view, { offset: index })).toBe(size);
      expect(Buffer.compare(view, bytes.subarray(index, index + size))).toBe(0);
      expect([target[0], target[size + 1]]).toEqual([0, 0]);
    }),
  );
});

test('fills any view of a plain or shared buffer, and nothing beside it', async () => {
  const ring = openRing();
  const file = openWith('abcdefgh');
  const makers = [
    (memory: ArrayBufferLike) => new Uint8Array(memory, 8, 8),
    (memory: ArrayBufferLike) => new Uint8ClampedArray(memory, 8, 8),
    (memory: ArrayBufferLike) => new Int8Array(memory, 8, 8),
    (memory: ArrayBufferLike) => new Uint16Array(memory, 8, 4),
    (memory: ArrayBufferLike) => new Int32Array(memory, 8, 2),
    (memory: ArrayBufferLike) => new Float64Array(memory, 8, 1),
    (memory: ArrayBufferLike) => new BigInt64Array(memory, 8, 1),
    (memory: ArrayBufferLike) => new DataView(memory, 8, 8),
    (memory: ArrayBufferLike) => Buffer.from(memory as ArrayBuffer, 8, 8),
  ];
  for (const make of makers) {
    for (const memory of [new ArrayBuffer(24), new SharedArrayBuffer(24)]) {
      expect(await ring.read(file, make(memory), { offset: 0 })).toBe(8);
      expect(text(new Uint8Array(memory))).toBe(`${'\0'.repeat(8)}abcdefgh${'\0'.repeat(8)}`);
    }
  }
});

test('reads into parts of a mapping', async () => {
  const ring = openRing();
  const file = openWith('abcdefgh');
  using mapping = Mapping.anonymous({ size: 4096 });
  const parts = [
    mapping.bytes.subarray(4088),
    new DataView(mapping.bytes.buffer, 8, 8),
    new Uint16Array(mapping.bytes.buffer, 16, 4),
  ];
  for (const part of parts) {
    expect(await ring.read(file, part, { offset: 0 })).toBe(8);
    expect(text(mapping.bytes.subarray(part.byteOffset, part.byteOffset + 8))).toBe('abcdefgh');
  }
  expect(mapping.inFlight).toBe(0);
});

test('an empty target reads nothing', async () => {
  const ring = openRing();
  const file = openWith('abc');
  using mapping = Mapping.anonymous({ size: 4096 });
  expect(await ring.read(file, new Uint8Array(0), { offset: 0 })).toBe(0);
  expect(await ring.read(file, mapping.bytes.subarray(7, 7), { offset: 0 })).toBe(0);
});

test('a target that is detached in flight fails with DetachedError', async () => {
  const ring = openRing();
  const ends = pipe();
  const target = new Uint8Array(16);
  const waiting = later(ring.read(ends, target));
  await ring.nop();
  structuredClone(target.buffer, { transfer: [target.buffer] });
  expect(target.byteLength).toBe(0);
  await ring.write(ends, bytesOf('lost'));
  await expect(waiting).rejects.toBeInstanceOf(DetachedError);
  await expect(waiting).rejects.toMatchObject({
    code: 'ERR_NEARMETAL_DETACHED',
    message: expect.stringContaining('4 received bytes'),
  });
});

test('refuses memory that can move away', () => {
  const ring = openRing();
  const file = openWith('abc');
  const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
  const growable = Reflect.construct(SharedArrayBuffer, [8, { maxByteLength: 16 }]);
  const gone = new Uint8Array(8);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  expectRefusal(() => ring.read(file, new Uint8Array(resizable)), VALUE, 'target');
  expectRefusal(() => ring.read(file, new Uint8Array(growable)), VALUE, 'target');
  expectRefusal(() => ring.read(file, gone), VALUE, 'detached');
});

test('refuses wrong arguments by name', () => {
  const ring = openRing();
  const file = openWith('abc');
  const target = new Uint8Array(3);
  const offset = (value: unknown) => () => ring.read(file, target, { offset: value as number });
  expectRefusal(() => ring.read(3 as never, target), TYPE, '"fd"');
  expectRefusal(() => ring.read({ fd: 3 } as never, target), TYPE, '"fd"');
  expectRefusal(() => ring.read(undefined as never, target), TYPE, 'asFd(number)');
  expectRefusal(() => ring.read(file, 'abc' as never), TYPE, '"target"');
  expectRefusal(() => ring.read(file, new ArrayBuffer(3) as never), TYPE, '"target"');
  expectRefusal(() => ring.read(file, [1, 2] as never), TYPE, '"target"');
  expectRefusal(offset(-2), RANGE, '"offset"');
  expectRefusal(offset(1.5), RANGE, '"offset"');
  expectRefusal(offset(Number.NaN), RANGE, '"offset"');
  expectRefusal(offset(2 ** 53), RANGE, '"offset"');
  expectRefusal(offset('0'), TYPE, '"offset"');
  expectRefusal(offset(0n), TYPE, '"offset"');
  expectRefusal(() => ring.read(file, target, { ofset: 0 } as never), VALUE, '"offset"');
  expectRefusal(() => ring.read(file, target, 0 as never), TYPE, 'options');
  expect(ring.stats.submitted).toBe(0);
});

test('errors of the kernel are SystemErrors that say what was asked', async () => {
  const ring = openRing();
  const target = new Uint8Array(1);
  await expect(ring.read(openPlain(folder(), 0), target)).rejects.toMatchObject({
    name: 'SystemError',
    code: 'EISDIR',
    errno: -21,
    syscall: 'io_uring:read',
  });
  await expect(ring.read(asFd(19_999), target)).rejects.toMatchObject({
    code: 'EBADF',
    errno: -9,
    fd: 19_999,
    message: 'EBADF: bad file descriptor, io_uring:read',
  });
});

test('a signal ends a read that waits, before and after it was submitted', async () => {
  const ring = openRing();
  const ends = pipe();
  const stop = new AbortController();
  const first = later(ring.read(ends, new Uint8Array(1), { signal: stop.signal }));
  stop.abort(new Error('enough'));
  const aborted = { name: 'AbortError', code: 'ABORT_ERR', cause: { message: 'enough' } };
  await expect(first).rejects.toMatchObject(aborted);
  const second = new AbortController();
  const waiting = later(ring.read(ends, new Uint8Array(1), { signal: second.signal }));
  await ring.timeout(5);
  second.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  expect(ring.stats.inFlight).toBe(0);
});

test('a signal that is aborted already ends it as well', async () => {
  const ring = openRing();
  const options = { signal: AbortSignal.abort() };
  const never = ring.read(pipe(), new Uint8Array(1), options);
  await expect(never).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
});

test('readFixed reads into registered memory only', async () => {
  const ring = openRing();
  const file = openWith('abcdefgh');
  using mapping = Mapping.anonymous({ size: 8192 });
  using other = Mapping.anonymous({ size: 4096 });
  using _registration = ring.registerBuffers([mapping]);
  const part = mapping.bytes.subarray(5000, 5004);
  expect(await ring.readFixed(file, part, { offset: 2 })).toBe(4);
  expect(text(part)).toBe('cdef');
  expectRefusal(() => ring.readFixed(file, new Uint8Array(4)), TYPE, 'a view of a Mapping');
  expect(() => ring.readFixed(file, other.bytes)).toThrow('not registered');
});

test('an operation reads again wherever it points by then', async () => {
  const ring = openRing();
  const file = openWith('0123456789');
  using mapping = Mapping.anonymous({ size: 4096 });
  const operation = op.read(file, mapping.bytes.subarray(0, 2), { offset: 0 });
  const results = [];
  for (let index = 0; index < 5; index++) {
    operation.offset = index * 2;
    operation.point(mapping, index * 2, 2);
    results.push(ring.run(operation));
  }
  expect(await Promise.all(results)).toEqual([2, 2, 2, 2, 2]);
  expect(text(mapping.bytes.subarray(0, 10))).toBe('0123456789');
  expect(() => operation.point(mapping, 4095, 2)).toThrow(RangeError);
  expect(() => operation.point(mapping, -1, 1)).toThrow(RangeError);
  expect(() => operation.point(mapping, Number.NaN, 1)).toThrow(RangeError);
  expect(() => operation.point(mapping, 1, Number.NaN)).toThrow(RangeError);
});
