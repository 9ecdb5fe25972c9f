/** Copies of descriptors, and their flags. */
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import {
  asFd,
  dup,
  dupOnto,
  EventFd,
  getFlags,
  OwnedFd,
  Pipe,
  read,
  sameFile,
  setFlags,
  write,
} from 'nearmetal/fd';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  later,
  openPlain,
  openRing,
  openWith,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

test('a copy shares the position, and is closed by itself', () => {
  const file = openWith('0123456789');
  const copy = dup(file);
  read(file, new Uint8Array(4));
  const target = new Uint8Array(4);
  read(copy, target);
  expect(text(target)).toBe('4567');
  expect(getFlags(copy).cloexec).toBe(true);
  const { fd } = copy;
  copy.close();
  expect([existsSync(`/proc/self/fd/${fd}`), read(file, target)]).toEqual([false, 2]);
  using high = dup(file, { lowest: 500 });
  expect(high.fd).toBeGreaterThanOrEqual(500);
});

test('a copy takes the place of another descriptor, in one step', () => {
  needs('kcmp');
  const source = openWith('source');
  const target = OwnedFd.adopt(openSync(fileOf('target'), 'r'));
  const { fd } = target;
  dupOnto(source, target);
  expect(target.fd).toBe(fd);
  expect(sameFile(source, target)).toBe(true);
  expect(getFlags(target).cloexec).toBe(true);
  dupOnto(target, target);
  target.close();
});

test('not while operations are in flight on it', async () => {
  const ring = openRing();
  using pipe = Pipe.open();
  const reading = later(ring.read(pipe.readEnd, new Uint8Array(1)));
  await ring.nop();
  expect(() => dupOnto(openWith(''), pipe.readEnd)).toThrow('in flight');
  pipe.readEnd.close();
  await expect(reading).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('who waits for a descriptor that is replaced is told', async () => {
  using counter = EventFd.open();
  using other = EventFd.open({ initial: 5 });
  const waiting = later(counter.wait());
  await Promise.resolve();
  dupOnto(other, counter);
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(await counter.wait()).toBe(5);
});

test('flags are what the file was opened with, and change one by one', () => {
  const path = fileOf('text');
  const file = openPlain(path);
  expect(getFlags(file)).toEqual({
    access: 'readWrite',
    append: false,
    nonblock: false,
    direct: false,
    noatime: false,
    sync: false,
    cloexec: true,
  });
  setFlags(file, { append: true, nonblock: true });
  expect(getFlags(file)).toMatchObject({ append: true, nonblock: true, cloexec: true });
  write(file, bytesOf('+'));
  expect(readFileSync(path, 'latin1')).toBe('text+');
  setFlags(file, { append: false, cloexec: false });
  expect(getFlags(file)).toMatchObject({ append: false, nonblock: true, cloexec: false });
  setFlags(file, {});
  using pipe = Pipe.open();
  expect([getFlags(pipe.readEnd).access, getFlags(pipe.writeEnd).access]).toEqual([
    'read',
    'write',
  ]);
});

test('the same path opened twice is not the same open file', () => {
  needs('kcmp');
  const path = fileOf('');
  const file = openPlain(path);
  using copy = dup(file);
  expect(sameFile(file, copy)).toBe(true);
  expect(sameFile(file, file)).toBe(true);
  expect(sameFile(file, openPlain(path))).toBe(false);
});

test('what the kernel refuses', () => {
  const gone = openSync('/dev/null', 'r');
  closeSync(gone);
  const failure = expect.objectContaining({ code: 'EBADF', fd: gone });
  expect(() => dup(asFd(gone))).toThrow(failure);
  expect(() => getFlags(asFd(gone))).toThrow(failure);
  expect(() => setFlags(asFd(gone), { append: true })).toThrow(failure);
  expect(() => sameFile(asFd(gone), asFd(0))).toThrow(failure);
  expect(() => dup(asFd(0), { lowest: 2 ** 31 - 1 })).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
});

test('wrong arguments are refused before any call', () => {
  const file = openWith('');
  expectRefusal(() => dup(1 as never), TYPE, 'fd');
  expectRefusal(() => dup(file, { lowest: -1 }), RANGE, 'lowest');
  expectRefusal(() => dupOnto(file, file as never), TYPE, 'target');
  expectRefusal(() => setFlags(file, { nonblocking: true } as never), VALUE, 'nonblock');
  expectRefusal(() => setFlags(file, { append: 1 as never }), TYPE, 'append');
  expectRefusal(() => setFlags(file, { cloexec: 0 as never }), TYPE, 'cloexec');
});
