/** The classic calls: poll, ppoll, select, pselect. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import {
  FD_SETSIZE,
  FdSet,
  POLLERR,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  PollList,
  poll,
  ppoll,
  pselect,
  select,
} from 'nearmetal/epoll';
import { asFd } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { EINTR, SYS_ppoll, SYS_pselect6 } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { expectRefusal, openWith, pipe, RANGE, TYPE, VALUE } from '../support/ring.js';

const NOW = { timeoutMs: 0 };

test('poll finds what is ready, and passes over what is cleared', () => {
  const [first, second] = [pipe(), pipe()];
  const list = new PollList(3).set(0, first, ['in']).set(1, second, POLLIN | POLLOUT);
  expect(poll(list, NOW)).toBe(1);
  expect([list.found(0), list.found(1), list.found(2)]).toEqual([0, POLLOUT, 0]);
  writeSync(first.fd, 'x');
  expect(poll(list)).toBe(2);
  expect([list.found(0), list.found(1), list.found(2)]).toEqual([POLLIN, POLLOUT, 0]);
  list.clear(1);
  readSync(first.fd, new Uint8Array(1));
  expect(ppoll(list, { timeoutMs: 1.5, signalMask: ['SIGUSR2'] })).toBe(0);
  expect([list.found(0), list.found(1)]).toEqual([0, 0]);
});

test('poll tells of a closed descriptor, and takes regular files', () => {
  const fd = openSync('/dev/null', 'r');
  const list = new PollList(2).set(0, asFd(fd), ['in']).set(1, openWith('x'), ['in', 'out']);
  closeSync(fd);
  expect(poll(list)).toBe(2);
  expect([list.found(0), list.found(1)]).toEqual([POLLNVAL, POLLIN | POLLOUT]);
  expect(list.found(1) & POLLERR).toBe(0);
});

test('select leaves in the sets what is ready', () => {
  const [first, second] = [pipe(), pipe()];
  const [read, write] = [new FdSet().add(first).add(second), new FdSet().add(second)];
  writeSync(first.fd, 'x');
  expect(select({ read, write })).toBe(2);
  expect([read.has(first), read.has(second), write.has(second)]).toEqual([true, false, true]);
  read.clear().add(second);
  expect(select({ read, except: new FdSet().add(first) }, NOW)).toBe(0);
  expect(read.has(second)).toBe(false);
  expect(write.delete(second).has(second)).toBe(false);
  expect(pselect({}, { timeoutMs: 1, signalMask: ['SIGUSR2'] })).toBe(0);
});

test('select knows descriptors below FD_SETSIZE only', () => {
  const set = new FdSet();
  expect(FD_SETSIZE).toBe(1024);
  expectRefusal(() => set.add(asFd(1024)), RANGE, 'FD_SETSIZE (1024); poll and epoll take any');
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  set.add(asFd(fd));
  expect(() => select({ read: set }, NOW)).toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'pselect6' }),
  );
  expect(set.has(asFd(fd))).toBe(true);
  expect(set.add(asFd(1023)).has(asFd(1023))).toBe(true);
});

test.runIf(native.hasSeam)('interrupted waits go on with the same sets', () => {
  const file = pipe();
  writeSync(file.fd, 'x');
  onTestFinished(() => native.seam?.reset());
  native.seam?.fail(SYS_pselect6, 1, 2, EINTR);
  native.seam?.fail(SYS_ppoll, 1, 2, EINTR);
  const read = new FdSet().add(file);
  expect([select({ read }), read.has(file)]).toEqual([1, true]);
  expect(poll(new PollList(1).set(0, file, ['in']))).toBe(1);
  native.seam?.fail(SYS_ppoll, 1, 1, EINTR);
  expect(poll(new PollList(1).set(0, file, ['in']), { restart: false })).toBe(0);
});

test('wrong arguments are refused before any call', () => {
  const list = new PollList(1);
  expectRefusal(() => new PollList(-1), RANGE, 'count');
  expectRefusal(() => list.set(1, pipe(), ['in']), RANGE, 'index');
  expectRefusal(() => list.set(0, 3 as never, ['in']), TYPE, 'fd');
  expectRefusal(() => list.set(0, pipe(), ['out '] as never), VALUE, 'events');
  expectRefusal(() => list.set(0, pipe(), 0x8000), VALUE, 'POLL');
  expectRefusal(() => poll([] as never), TYPE, 'list');
  expectRefusal(() => poll(list, { signalMask: [] } as object), VALUE, 'signalMask');
  expectRefusal(() => select({ read: new Uint32Array(32) as never }), TYPE, 'read');
  expectRefusal(() => select({ reads: new FdSet() } as object), VALUE, 'Did you mean "read"');
  expectRefusal(() => pselect({}, { timeoutMs: 'x' as never }), RANGE, 'timeoutMs');
});
