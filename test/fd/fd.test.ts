/** Descriptors as objects: who closes them, when, and what happens to operations on them. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { asFd, BorrowedFd, DirectFd, OwnedFd, socketpair } from 'nearmetal/fd';
import { expect, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  later,
  openRing,
  pipe,
  RANGE,
  TYPE,
  text,
  until,
} from '../support/ring.js';

const isOpen = (fd: number): boolean => existsSync(`/proc/self/fd/${fd}`);

test('an owned descriptor is closed by close, using, and await using', async () => {
  const owned = OwnedFd.adopt(openSync('/dev/null', 'r'));
  const { fd } = owned;
  expect(owned.closed).toBe(false);
  owned.close();
  owned.close();
  expect([owned.closed, owned.fd, isOpen(fd)]).toEqual([true, -1, false]);
  let number: number;
  {
    using inside = OwnedFd.adopt(openSync('/dev/null', 'r'));
    number = inside.fd;
    expect(isOpen(number)).toBe(true);
  }
  expect(isOpen(number)).toBe(false);
  {
    await using inside = OwnedFd.adopt(openSync('/dev/null', 'r'));
    number = inside.fd;
  }
  expect(isOpen(number)).toBe(false);
});

test('a released descriptor is the caller’s', () => {
  const owned = OwnedFd.adopt(openSync('/dev/null', 'r'));
  const fd = owned.release();
  expect(owned.closed).toBe(true);
  expect(owned.release()).toBe(-1);
  owned.close();
  expect(isOpen(fd)).toBe(true);
  closeSync(fd);
});

test('a borrowed descriptor is never closed here', () => {
  const fd = openSync('/dev/null', 'r');
  const borrowed = asFd(fd);
  expect(borrowed).toBeInstanceOf(BorrowedFd);
  expect('close' in borrowed).toBe(false);
  closeSync(fd);
});

test('closing what somebody else has closed is EBADF', () => {
  const fd = openSync('/dev/null', 'r');
  const owned = OwnedFd.adopt(fd);
  closeSync(fd);
  expect(() => owned.close()).toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'close', fd }),
  );
  expect(owned.closed).toBe(true);
});

test('closing with operations in flight ends them, and a reused number is safe', async () => {
  const ring = openRing();
  const path = `/proc/self/fd/${pipe().fd}`;
  const first = OwnedFd.adopt(openSync(path, 'r+'));
  const number = first.fd;
  const target = new Uint8Array(16);
  const submitted = later(ring.read(first, target));
  await ring.nop();
  const queued = [1, 2, 3].map(() => later(ring.read(first, target)));
  expect(first.inFlight).toBe(4);
  first.close();
  expect(first.closed).toBe(true);
  const second = OwnedFd.adopt(openSync(fileOf('other file'), 'r'));
  for (const read of [submitted, ...queued]) {
    await expect(read).rejects.toMatchObject({ code: 'ECANCELED' });
  }
  expect(first.inFlight).toBe(0);
  expect(text(target)).toBe('\0'.repeat(16));
  // By now, if not at once, the number is free.
  await until(() => second.fd === number || !isOpen(number));
  expect(await ring.read(second, target)).toBe(10);
  second.close();
});

test('what was queued before the close is still submitted', async () => {
  const ring = openRing();
  // Where pipes are written by a worker thread (before 6.4), that one is stopped by the close.
  const [near, far] = socketpair();
  const sent = ring.send(near, bytesOf('in time'));
  near.close();
  expect(await sent).toBe(7);
  const target = new Uint8Array(7);
  expect(await ring.recv(far, target)).toBe(7);
  expect(text(target)).toBe('in time');
  far.close();
});

test('closing lets go in every ring', async () => {
  const rings = [openRing(), openRing(), openRing()];
  const path = `/proc/self/fd/${pipe().fd}`;
  const file = OwnedFd.adopt(openSync(path, 'r+'));
  const reads = rings.map((ring) => later(ring.read(file, new Uint8Array(1))));
  await rings[0]!.nop();
  file.close();
  for (const read of reads) await expect(read).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('a closed descriptor is refused', async () => {
  const ring = openRing();
  const file = await ring.openat(fileOf('x'));
  file.close();
  expectRefusal(() => ring.read(file, new Uint8Array(1)), TYPE, 'closed');
  expectRefusal(() => ring.fsync(file), TYPE, 'closed');
});

test('numbers are checked', () => {
  for (const adopt of [asFd, OwnedFd.adopt]) {
    expectRefusal(() => adopt(-1), RANGE, '"fd"');
    expectRefusal(() => adopt(1.5), RANGE, '"fd"');
    expectRefusal(() => adopt(2 ** 31), RANGE, '"fd"');
    expectRefusal(() => adopt('1' as never), TYPE, '"fd"');
    expectRefusal(() => adopt(undefined as never), TYPE, '"fd"');
  }
  expect(DirectFd.name).toBe('DirectFd');
});
