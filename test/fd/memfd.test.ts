/** Files that are memory: size, seals, hugepages. */
import { readlinkSync } from 'node:fs';
import { dup, Memfd, pread, pwrite } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../support/needs.js';
import { bytesOf, expectRefusal, openRing, RANGE, TYPE, text, VALUE } from '../support/ring.js';

function create(...options: Parameters<typeof Memfd.create>): Memfd {
  const made = Memfd.create(...options);
  onTestFinished(() => made.close());
  return made;
}

test('it has a name and a size, and holds what is written', () => {
  const file = create({ name: 'words', size: 10 });
  expect(readlinkSync(`/proc/self/fd/${file.fd}`)).toBe('/memfd:words (deleted)');
  expect(file.size).toBe(10);
  pwrite(file, bytesOf('abc'), 8);
  expect(file.size).toBe(11);
  file.resize(9);
  const target = new Uint8Array(4);
  expect(pread(file, target, 7)).toBe(2);
  expect(text(target)).toBe('\0a\0\0');
});

test('a copy is the same memory, and a ring uses it', async () => {
  const file = create();
  using copy = dup(file);
  await openRing().write(copy, bytesOf('shared'), { offset: 0 });
  expect(file.size).toBe(6);
});

test('seals forbid, for good', () => {
  const file = create({ size: 8 });
  file.seal('shrink', 'grow');
  expect(file.seals).toEqual(expect.arrayContaining(['shrink', 'grow']));
  expect(() => file.resize(4)).toThrow(
    expect.objectContaining({ code: 'EPERM', syscall: 'ftruncate' }),
  );
  expect(() => file.resize(16)).toThrow(expect.objectContaining({ code: 'EPERM' }));
  pwrite(file, bytesOf('x'), 0);
  file.seal('write', 'seal');
  expect(() => pwrite(file, bytesOf('x'), 0)).toThrow(expect.objectContaining({ code: 'EPERM' }));
  expect(() => file.seal('futureWrite')).toThrow(
    expect.objectContaining({ code: 'EPERM', syscall: 'fcntl' }),
  );
});

test('without allowSealing there is no sealing', () => {
  const file = create({ allowSealing: false });
  expect(file.seals).toContain('seal');
  expect(() => file.seal('grow')).toThrow(expect.objectContaining({ code: 'EPERM' }));
});

test('hugepages: the size is a whole number of them', () => {
  needs('path:/proc/sys/vm/nr_hugepages');
  const file = create({ hugePage: '2MiB', size: 2 ** 21 });
  expect(file.size).toBe(2 ** 21);
  expect(() => file.resize(1000)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('wrong arguments are refused before any call', () => {
  expectRefusal(() => Memfd.create({ name: 'x'.repeat(250) }), VALUE, 'name');
  expectRefusal(() => Memfd.create({ name: 'a\0b' }), VALUE, 'name');
  expectRefusal(() => Memfd.create({ name: 1 as never }), TYPE, 'name');
  expectRefusal(() => Memfd.create({ size: -1 }), RANGE, 'size');
  expectRefusal(() => Memfd.create({ hugePage: '4KiB' as never }), VALUE, 'hugePage');
  const file = create();
  expectRefusal(() => file.seal('shrunk' as never), VALUE, 'seals');
  expectRefusal(() => file.resize(1.5), RANGE, 'size');
  file.close();
  expect(() => file.size).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
});
