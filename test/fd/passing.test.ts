/** Descriptors and credentials over Unix sockets. */
import { readdirSync } from 'node:fs';
import {
  asFd,
  dup,
  EventFd,
  FDS_MAX,
  getFlags,
  Memfd,
  OwnedFd,
  passCredentials,
  passPidFd,
  peerCredentials,
  pread,
  pwrite,
  read,
  receiveFds,
  sameFile,
  sendFds,
  socketpair,
  write,
} from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { hintFor } from '../../lib/hints.js';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  openRing,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

function pair(...options: Parameters<typeof socketpair>): [OwnedFd, OwnedFd] {
  const made = socketpair(...options);
  onTestFinished(() => {
    for (const socket of made) socket.close();
  });
  return made;
}

const openCount = (): number => readdirSync('/proc/self/fd').length;
const some = (count: number): Uint8Array => new Uint8Array(count);

test.each(['stream', 'seqpacket', 'dgram'] as const)('a pair of %s sockets', (type) => {
  const [left, right] = pair({ type });
  write(left, bytesOf('one'));
  write(left, bytesOf('two'));
  const target = some(16);
  expect(read(right, target)).toBe(type === 'stream' ? 6 : 3);
  expect(getFlags(left)).toMatchObject({ cloexec: true, nonblock: false });
});

test('descriptors arrive as the sender’s open files, owned and closed on exec', () => {
  needs('kcmp');
  const [left, right] = pair();
  const file = openWith('contents');
  using memory = Memfd.create({ size: 4 });
  expect(sendFds(left, bytesOf('two files'), [file, memory])).toBe(9);
  const target = some(64);
  const received = receiveFds(right, target);
  expect(received?.bytesRead).toBe(9);
  expect(text(target.subarray(0, 9))).toBe('two files');
  expect([received?.credentials, received?.pidfd]).toEqual([undefined, undefined]);
  const [first, second] = (received?.fds ?? []) as [OwnedFd, OwnedFd];
  expect(first).toBeInstanceOf(OwnedFd);
  expect([sameFile(first, file), sameFile(second, memory)]).toEqual([true, true]);
  expect([getFlags(first).cloexec, getFlags(second).cloexec]).toEqual([true, true]);
  pwrite(second, bytesOf('mem'), 0);
  pread(memory, target, 0);
  expect(text(target.subarray(0, 3))).toBe('mem');
  for (const fd of received?.fds ?? []) fd.close();
});

test('an eventfd that was passed wakes the other side', async () => {
  const [left, right] = pair();
  using counter = EventFd.open();
  sendFds(left, some(1), [counter]);
  const [fd] = (receiveFds(right, some(1))?.fds ?? []) as [OwnedFd];
  using other = EventFd.adopt(fd.release());
  const waiting = counter.wait();
  other.write(3);
  expect(await waiting).toBe(3);
});

test('without descriptors it is a message like any other; the end is 0 bytes', () => {
  const [left, right] = pair();
  expect(receiveFds(right, some(1), { dontWait: true })).toBeUndefined();
  sendFds(left, bytesOf('x'), []);
  expect(receiveFds(right, some(8))).toMatchObject({ bytesRead: 1, fds: [] });
  left.close();
  expect(receiveFds(right, some(8))).toMatchObject({ bytesRead: 0, fds: [] });
  expect(() => sendFds(right, some(1), [])).toThrow(
    expect.objectContaining({ code: 'EPIPE', syscall: 'sendmsg' }),
  );
});

test('as many as the kernel lets through, and not one more', () => {
  const [left, right] = pair();
  const file = openWith('');
  const before = openCount();
  const many = Array.from({ length: FDS_MAX }, () => dup(file));
  sendFds(left, some(1), many);
  for (const fd of many) fd.close();
  const received = receiveFds(right, some(1));
  expect(received?.fds).toHaveLength(FDS_MAX);
  for (const fd of received?.fds ?? []) fd.close();
  expect(openCount()).toBe(before);
  const more = Array.from({ length: FDS_MAX + 1 }, () => file);
  expectRefusal(() => sendFds(left, some(1), more), VALUE, '253');
});

test.each([0, 1, 2, 3])('with room for %i of 5, none are leaked', (maxFds) => {
  const [left, right] = pair();
  const file = openWith('');
  sendFds(left, some(1), [file, file, file, file, file]);
  const before = openCount();
  expect(() => receiveFds(right, some(1), { maxFds })).toThrow(
    expect.objectContaining({ code: 'ERR_NEARMETAL_TRUNCATED' }),
  );
  expect(openCount()).toBe(before);
  // What comes next is whole.
  sendFds(left, bytesOf('next'), [file]);
  const next = receiveFds(right, some(8), { maxFds: 1 });
  expect([next?.bytesRead, next?.fds.length]).toEqual([4, 1]);
  next?.fds[0]?.close();
});

test('a message that is longer than the target is an error, and leaks nothing', () => {
  const [left, right] = pair({ type: 'seqpacket' });
  sendFds(left, pattern(100), [openWith('')]);
  const before = openCount();
  expect(() => receiveFds(right, some(50))).toThrow(
    expect.objectContaining({ code: 'ERR_NEARMETAL_TRUNCATED' }),
  );
  expect(openCount()).toBe(before);
});

test('a stream keeps pieces with descriptors apart', () => {
  const [left, right] = pair();
  const file = openWith('');
  sendFds(left, bytesOf('abc'), [file]);
  sendFds(left, bytesOf('def'), [file, file]);
  const pieces = [receiveFds(right, some(64)), receiveFds(right, some(64))];
  expect(pieces.map((piece) => [piece?.bytesRead, piece?.fds.length])).toEqual([
    [3, 1],
    [3, 2],
  ]);
  for (const fd of pieces.flatMap((piece) => piece?.fds ?? [])) fd.close();
});

test('credentials of the sender, as the kernel knows them', () => {
  const [left, right] = pair();
  const own = {
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
  };
  expect(peerCredentials(left)).toEqual(own);
  passCredentials(right);
  sendFds(left, some(1), [openWith('')]);
  const received = receiveFds(right, some(1));
  expect(received?.credentials).toEqual(own);
  received?.fds[0]?.close();
  sendFds(left, some(1), [], { credentials: own });
  expect(receiveFds(right, some(1))?.credentials).toEqual(own);
  passCredentials(right, false);
  sendFds(left, some(1), []);
  expect(receiveFds(right, some(1))?.credentials).toBeUndefined();
});

test('a pidfd of the sender', async ({ skip }) => {
  const [left, right] = pair();
  try {
    passPidFd(right);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOPROTOOPT' });
    skip(true, 'the kernel has no SO_PASSPIDFD');
  }
  passCredentials(right);
  sendFds(left, some(1), [openWith('')]);
  const received = receiveFds(right, some(1), { maxFds: 1 });
  received?.pidfd?.sendSignal(0);
  expect(received?.pidfd?.poll()).toBeUndefined();
  expect(received?.credentials?.pid).toBe(process.pid);
  received?.pidfd?.close();
  received?.fds[0]?.close();
});

test('a nonblocking socket, and a ring on the other side', async () => {
  const [left, right] = pair({ nonblocking: true });
  expect(receiveFds(left, some(1))).toBeUndefined();
  const block = some(100_000);
  let sent: number | undefined = 0;
  while (sent !== undefined) sent = sendFds(left, block, []);
  using counter = EventFd.open();
  expect(sendFds(left, block, [counter], { dontWait: true })).toBeUndefined();
  const ring = openRing();
  expect(await ring.recv(right, block)).toBeGreaterThan(0);
});

test('wrong sockets are errors of the kernel', () => {
  const file = openWith('');
  const failure = (code: string) => expect.objectContaining({ code });
  expect(() => sendFds(file, some(1), [])).toThrow(failure('ENOTSOCK'));
  expect(() => receiveFds(file, some(1))).toThrow(failure('ENOTSOCK'));
  expect(() => peerCredentials(file)).toThrow(failure('ENOTSOCK'));
  const [left] = pair();
  expect(() => sendFds(left, some(1), [asFd(2 ** 31 - 1)])).toThrow(failure('EBADF'));
  const credentials = { pid: 2 ** 22 - 1, uid: 0, gid: 0 };
  expect(() => sendFds(left, some(1), [], { credentials })).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/ESRCH|EPERM/) }),
  );
  expect(hintFor('sendmsg', 'ETOOMANYREFS')).toContain('ulimit -n');
});

test('wrong arguments are refused before any call', () => {
  const [left] = pair();
  expectRefusal(() => socketpair({ type: 'raw' as never }), VALUE, 'type');
  expectRefusal(() => sendFds(left, some(0), []), VALUE, 'bytes');
  expectRefusal(() => sendFds(left, some(1), left as never), TYPE, 'fds');
  expectRefusal(() => sendFds(left, some(1), [1 as never]), TYPE, 'fds[0]');
  expectRefusal(
    () => sendFds(left, some(1), [], { credentials: { pid: -1, uid: 0, gid: 0 } }),
    RANGE,
    'credentials.pid',
  );
  expectRefusal(() => receiveFds(left, some(0)), VALUE, 'target');
  expectRefusal(() => receiveFds(left, some(1), { maxFds: 254 }), RANGE, 'maxFds');
  expectRefusal(() => receiveFds(left, some(1), { max: 1 } as never), VALUE, 'max');
});
