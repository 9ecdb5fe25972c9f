/** What is open, what kind it is, and ranges that are closed. */
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { Epoll } from 'nearmetal/epoll';
import {
  asFd,
  closeRange,
  dup,
  EventFd,
  Fanotify,
  getFlags,
  Inotify,
  kindOf,
  Memfd,
  OwnedFd,
  openDescriptors,
  PidFd,
  Pipe,
  read,
  SignalFd,
  socketpair,
  TimerFd,
} from 'nearmetal/fd';
import { Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../support/needs.js';
import { expectRefusal, fileOf, openWith, RANGE, TYPE, VALUE } from '../support/ring.js';

/** A number well above what anybody else uses. */
const HIGH = 3000;

test('every kind is told by its name', () => {
  needs('path:/proc/sys/vm/nr_hugepages');
  const made = {
    eventfd: EventFd.open(),
    timerfd: TimerFd.open(),
    signalfd: SignalFd.open(['SIGWINCH']),
    pidfd: PidFd.open(process.pid),
    inotify: Inotify.open(),
    fanotify: process.getuid?.() === 0 ? Fanotify.open() : undefined,
    memfd: Memfd.create(),
    memfdHuge: Memfd.create({ hugePage: '2MiB' }),
    socket: socketpair()[0],
    pipe: Pipe.open().readEnd,
    file: OwnedFd.adopt(openSync(fileOf(''), 'r')),
    directory: OwnedFd.adopt(openSync('/', 'r')),
    characterDevice: OwnedFd.adopt(openSync('/dev/null', 'r')),
  };
  onTestFinished(() => {
    for (const fd of Object.values(made)) fd?.close();
  });
  const listed = new Map(openDescriptors().map((each) => [each.fd, each]));
  for (const [name, fd] of Object.entries(made)) {
    if (fd === undefined) continue;
    const kind = name === 'memfdHuge' ? 'memfd' : name;
    expect([name, kindOf(fd)]).toEqual([name, kind]);
    expect(listed.get(fd.fd)).toMatchObject({ kind, owned: true });
    expect(listed.get(fd.fd)?.flags).toEqual(getFlags(fd));
  }
});

test('epolls and rings are listed, and what Node has is not ours', async () => {
  using epoll = Epoll.open();
  const ring = Ring.open({ entries: 8 });
  const listed = openDescriptors();
  expect(listed.find(({ fd }) => fd === epoll.descriptor.fd)?.kind).toBe('epoll');
  expect(listed.find(({ fd }) => fd === ring.fd)?.kind).toBe('io_uring');
  expect(listed.filter(({ owned }) => !owned).map(({ kind }) => kind)).toContain('epoll');
  await ring.close();
});

test('position, flags and target of a file', () => {
  const path = fileOf('0123456789');
  using file = OwnedFd.adopt(openSync(path, 'r'));
  read(file, new Uint8Array(4));
  const found = openDescriptors().find(({ fd }) => fd === file.fd);
  expect(found).toMatchObject({ target: path, position: 4, kind: 'file' });
  expect(found?.flags).toMatchObject({ access: 'read', cloexec: true });
  const numbers = openDescriptors().map(({ fd }) => fd);
  expect(numbers).toEqual([...numbers].sort((left, right) => left - right));
});

test('a descriptor that was given up is not owned', () => {
  const fd = EventFd.open().release();
  expect(openDescriptors().find((each) => each.fd === fd)?.owned).toBe(false);
  closeSync(fd);
});

/** Plain files at and above HIGH, which nobody owns. */
function strangers(count: number): number[] {
  return Array.from({ length: count }, () => dup(openWith(''), { lowest: HIGH }).release());
}
const isOpen = (fd: number): boolean => existsSync(`/proc/self/fd/${fd}`);

test('a range of plain files is closed', () => {
  const fds = strangers(5);
  closeRange(HIGH, HIGH + 100);
  expect(fds.map(isOpen)).toEqual(fds.map(() => false));
  closeRange(HIGH, 2 ** 31 - 1);
});

test('what is owned here is in the way of a range, unless told', () => {
  const [stranger = -1] = strangers(1);
  const owned = dup(openWith(''), { lowest: HIGH });
  const before = readdirSync('/proc/self/fd').length;
  expect(() => closeRange(HIGH, HIGH + 100)).toThrow(
    expect.objectContaining({
      code: 'ERR_INVALID_STATE',
      message: expect.stringContaining('owned by nearmetal'),
    }),
  );
  expect([isOpen(stranger), isOpen(owned.fd)]).toEqual([true, true]);
  closeRange(HIGH, HIGH + 100, { force: true });
  expect([isOpen(stranger), isOpen(owned.fd)]).toEqual([false, false]);
  expect(openDescriptors().filter(({ fd }) => fd >= HIGH)).toEqual([]);
  expect(() => owned.close()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(readdirSync('/proc/self/fd').length).toBe(before - 2);
});

test('what Node may live by is in the way of a range', () => {
  const node = openDescriptors().find(({ owned, kind }) => !owned && kind === 'epoll');
  const fd = node?.fd ?? -1;
  expect(fd).toBeGreaterThan(2);
  expect(() => closeRange(fd, fd)).toThrow(/may be Node's own/);
  expect(() => closeRange(3, HIGH)).toThrow(TypeError);
  expect(() => closeRange(HIGH, HIGH, { unshare: true })).toThrow(/cuts this thread off/);
});

test('a range can be marked to be closed on exec, whatever is in it', () => {
  needs('linux:5.11');
  const [stranger = -1] = strangers(1);
  using owned = dup(openWith(''), { lowest: HIGH });
  closeRange(HIGH, HIGH + 100, { cloexec: true });
  expect([isOpen(stranger), isOpen(owned.fd)]).toEqual([true, true]);
  expect([getFlags(asFd(stranger)).cloexec, getFlags(owned).cloexec]).toEqual([true, true]);
  closeSync(stranger);
});

test('wrong arguments are refused before any call', () => {
  expectRefusal(() => closeRange(-1, 5), RANGE, 'first');
  expectRefusal(() => closeRange(10, 5), RANGE, 'last');
  expectRefusal(() => closeRange(10, 20, { forced: true } as never), VALUE, 'force');
  expectRefusal(() => closeRange(10, 20, { cloexec: 1 as never }), TYPE, 'cloexec');
  expectRefusal(() => kindOf(3 as never), TYPE, 'fd');
  expect(() => kindOf(asFd(2 ** 31 - 1))).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
