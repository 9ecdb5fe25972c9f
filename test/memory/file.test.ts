/** Mappings of files: no view of what others may shorten, and copies that fail without a signal. */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { asFd } from 'nearmetal/fd';
import { Mapping } from 'nearmetal/memory';
import { expect, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  openPlain,
  openWith,
  pattern,
  pipe,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

test('reads a file through copies, to its last byte', () => {
  const contents = pattern(10_000);
  using mapping = Mapping.file(openWith(contents));
  expect(mapping).toMatchObject({ size: 10_000, protection: 'read', share: 'shared' });
  const target = new Uint8Array(9_990);
  expect(mapping.read(target, { offset: 10 })).toBe(9_990);
  expect(target).toEqual(contents.subarray(10));
});

test('a shared mapping writes to the file, a private one to itself', () => {
  const path = fileOf('0123456789');
  const fd = openPlain(path);
  using shared = Mapping.file(fd, { protection: 'readwrite' });
  using own = Mapping.file(fd, { protection: 'readwrite', share: 'private' });
  own.write(bytesOf('own'), { offset: 2 });
  shared.write(bytesOf('abc'), { offset: 7 });
  shared.sync();
  expect(readFileSync(path, 'utf8')).toBe('0123456abc');
  const target = new Uint8Array(10);
  own.read(target);
  // Its first page is a copy since it was written to.
  expect(text(target)).toBe('01own56789');
});

test('a file that others may shorten has no bytes but on request', () => {
  const fd = openWith(pattern(8192));
  using mapping = Mapping.file(fd, { protection: 'readwrite' });
  expect(() => mapping.bytes).toThrow(code('ERR_NEARMETAL_UNSAFE'));
  expect(() => mapping.bytes).toThrow('unsafeView');
  const view = mapping.unsafeView();
  expect(view.length).toBe(8192);
  expect(Mapping.of(view)).toBe(mapping);
  mapping.dispose();
  expect(view.length).toBe(0);
});

test('shortened under the mapping, it is an error to read', () => {
  const fd = openWith(pattern(3 * 4096));
  using mapping = Mapping.file(fd, { protection: 'readwrite' });
  ftruncateSync(fd.fd, 4096);
  const target = new Uint8Array(4096);
  expect(mapping.read(target)).toBe(4096);
  expect(() => mapping.read(target, { offset: 4096 })).toThrow(code('EFAULT'));
  expect(() => mapping.read(target, { offset: 100 })).toThrow(code('EFAULT'));
  expect(() => mapping.write(target, { offset: 8192 })).toThrow(code('EFAULT'));
  expect(() => mapping.populate()).toThrow(code('EFAULT'));
});

test('pages that are only to be read are an error to write', () => {
  using mapping = Mapping.file(openWith('hello'), { protection: 'read' });
  expect(() => mapping.write(bytesOf('x'))).toThrow(code('EFAULT'));
  expect(() => mapping.protect('readwrite')).not.toThrow();
  const path = fileOf('hello');
  const fd = openSync(path, constants.O_RDONLY);
  try {
    expect(() => Mapping.file(asFd(fd), { protection: 'readwrite' })).toThrow(code('EACCES'));
    using readable = Mapping.file(asFd(fd));
    expect(() => readable.protect('readwrite')).toThrow(code('EACCES'));
    using own = Mapping.file(asFd(fd), { protection: 'readwrite', share: 'private' });
    expect(own.write(bytesOf('H'))).toBe(1);
  } finally {
    closeSync(fd);
  }
});

test('maps a part, fetched now and locked', () => {
  const contents = pattern(5 * 4096);
  const options = { offset: 8192, size: 5000, populate: true, locked: true } as const;
  using mapping = Mapping.file(openWith(contents), options);
  const target = new Uint8Array(5000);
  mapping.read(target);
  expect(target).toEqual(contents.subarray(8192, 13_192));
  expect(mapping.mincore()).toEqual(new Uint8Array([1, 1]));
});

test('the descriptor is not needed afterwards', () => {
  const path = fileOf('kept');
  const fd = openSync(path, 'r');
  using mapping = Mapping.file(asFd(fd));
  closeSync(fd);
  const target = new Uint8Array(4);
  mapping.read(target);
  expect(text(target)).toBe('kept');
});

test('a memfd is sealed: nobody shortens it, and its views are safe', () => {
  using mapping = Mapping.memfd({ size: 10_000, name: 'ours' });
  const fd = mapping.fd?.fd ?? -1;
  expect(fstatSync(fd).size).toBe(12_288);
  expect(readFileSync(`/proc/self/maps`, 'utf8')).toContain('/memfd:ours');
  expect(() => ftruncateSync(fd, 0)).toThrow('EPERM');
  using other = Mapping.file(asFd(fd), { protection: 'readwrite' });
  other.bytes[12_287] = 4;
  expect(mapping.bytes[12_287]).toBe(4);
  using readable = Mapping.file(asFd(fd));
  expect(() => readable.bytes).toThrow("its pages are 'read'");
  mapping.dispose();
  expect(() => fstatSync(fd)).toThrow('EBADF');
  expect(other.bytes[12_287]).toBe(4);
});

test('seals', () => {
  using sealed = Mapping.memfd({ size: 1, seals: ['grow', 'seal'] });
  const fd = sealed.fd?.fd ?? -1;
  expect(() => ftruncateSync(fd, 1 << 20)).toThrow('EPERM');
  expect(() => sealed.resize(1 << 20)).toThrow(code('EPERM'));
  expect(sealed.disposed).toBe(false);
  using future = Mapping.memfd({ size: 1, seals: ['future-write'] });
  future.bytes[0] = 1;
  const again = (): Mapping => Mapping.file(future.fd as never, { protection: 'readwrite' });
  expect(again).toThrow(code('EPERM'));
  expectRefusal(() => Mapping.memfd({ size: 1, seals: ['write'] as never }), VALUE, '"seals[0]"');
  expectRefusal(() => Mapping.memfd({ size: 1, seals: 'grow' as never }), TYPE, '"seals"');
});

test('MAP_SYNC needs a file on DAX', () => {
  const sync = (): Mapping => Mapping.file(openWith('x'), { protection: 'readwrite', sync: true });
  expect(sync).toThrow(code('EOPNOTSUPP'));
  const own = { sync: true, share: 'private' } as const;
  expectRefusal(() => Mapping.file(openWith('x'), own), VALUE, '"sync"');
});

test('a fixed address never replaces what is there', () => {
  using mapping = Mapping.anonymous({ size: 4096 });
  const { address } = mapping;
  expect(() => Mapping.anonymous({ size: 4096, address })).toThrow(code('EEXIST'));
  expect(() => Mapping.file(openWith('x'), { address })).toThrow(code('EEXIST'));
  using room = Mapping.anonymous({ size: 1 << 20, populate: false });
  const free = room.address;
  room.dispose();
  // The pages go with the last view, in a later turn on Node 20.
  return expect
    .poll(() => {
      try {
        using placed = Mapping.anonymous({ size: 4096, address: free });
        return placed.address;
      } catch {
        return undefined;
      }
    })
    .toBe(free);
});

test('what cannot be mapped is refused', () => {
  const fd = openWith('12345');
  const refused = (options: object) => () => Mapping.file(fd, options);
  expectRefusal(refused({ size: 6 }), RANGE, '"size"');
  expectRefusal(refused({ size: 0 }), RANGE, '"size"');
  expectRefusal(refused({ offset: 1 }), VALUE, '"offset"');
  expectRefusal(refused({ offset: 4096 }), VALUE, 'inside the file');
  expectRefusal(refused({ protection: 'write' }), VALUE, '"protection"');
  expectRefusal(refused({ share: 'all' }), VALUE, '"share"');
  expectRefusal(refused({ populate: 1 }), TYPE, '"populate"');
  expectRefusal(refused({ address: 5 }), VALUE, '"address"');
  expectRefusal(() => Mapping.file(openWith('')), VALUE, 'inside the file');
  expectRefusal(() => Mapping.file(pipe()), VALUE, '"size"');
  expectRefusal(() => Mapping.file(5 as never), TYPE, '"fd"');
  expect(() => Mapping.file(pipe(), { size: 1 })).toThrow(code('ENODEV'));
  using mapping = Mapping.file(fd);
  const target = new Uint8Array(4);
  expectRefusal(() => mapping.read(target, { offset: 2 }), RANGE, '"offset"');
  expectRefusal(() => mapping.read('x' as never), TYPE, '"target"');
  expectRefusal(() => mapping.write(new Uint8Array(9)), RANGE, '"offset"');
});
