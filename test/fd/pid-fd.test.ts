/** Processes by descriptor: how they end, signals to them, descriptors from them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Epoll } from 'nearmetal/epoll';
import { PidFd, Pipe, read, sameFile, write } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { hintFor } from '../../lib/hints.js';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';
import {
  bytesOf,
  expectRefusal,
  later,
  openRing,
  RANGE,
  TYPE,
  turn,
  VALUE,
} from '../support/ring.js';

function child(...words: string[]): ChildProcess & { pid: number } {
  const made = spawn(words[0] as string, words.slice(1), { stdio: ['pipe', 'ignore', 'ignore'] });
  onTestFinished(() => void made.kill('SIGKILL'));
  return made as ChildProcess & { pid: number };
}

test('waiting ends when the process does, however often it is asked', async () => {
  const process = child('cat');
  using pidfd = PidFd.open(process.pid);
  expect(pidfd.poll()).toBeUndefined();
  const waiting = [pidfd.wait(), pidfd.wait()];
  await turn();
  process.stdin?.end();
  const [first] = await Promise.all(waiting);
  expect(await pidfd.wait()).toEqual(first);
  expect(pidfd.poll()).toEqual(first);
});

test('Node hears of its own child as well', async () => {
  for (let round = 0; round < 20; round++) {
    const process = child('sh', '-c', 'exit 3');
    using pidfd = PidFd.open(process.pid);
    const [end, [code]] = await Promise.all([pidfd.wait(), once(process, 'exit')]);
    expect(code).toBe(3);
    // Whoever asks after Node has reaped it does not know how it ended.
    expect(end.exitCode).toBe(end.known ? 3 : undefined);
  }
});

test('how adopted children end: status, signal, core', () => passes('fd/reaper'));

test('signals reach the process and no other', async () => {
  const process = child('cat');
  using pidfd = PidFd.open(process.pid);
  pidfd.sendSignal(0);
  pidfd.sendSignal('SIGTERM');
  const [code, signal] = await once(process, 'exit');
  expect([code, signal]).toEqual([null, 'SIGTERM']);
  await pidfd.wait();
  expect(() => pidfd.sendSignal('SIGTERM')).toThrow(
    expect.objectContaining({ code: 'ESRCH', syscall: 'pidfd_send_signal' }),
  );
});

test('descriptors of a process, also of this one', async () => {
  needs('kcmp');
  using pipe = Pipe.open();
  using self = PidFd.open(process.pid);
  using copy = self.getFd(pipe.writeEnd.fd);
  expect(sameFile(copy, pipe.writeEnd)).toBe(true);
  write(copy, bytesOf('hello'));
  expect(read(pipe.readEnd, new Uint8Array(8))).toBe(5);
  const other = child('cat');
  using pidfd = PidFd.open(other.pid);
  using stdin = pidfd.getFd(0);
  expect(stdin.fd).toBeGreaterThan(2);
  expect(() => pidfd.getFd(4000)).toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'pidfd_getfd' }),
  );
  expect(hintFor('pidfd_getfd', 'EPERM')).toContain('CAP_SYS_PTRACE');
});

test('a ring and an epoll are told of the end', async () => {
  const process = child('cat');
  using pidfd = PidFd.open(process.pid);
  const polled = openRing().pollAdd(pidfd, ['in']);
  using epoll = Epoll.open();
  epoll.add(pidfd, ['in']);
  expect(epoll.wait({ timeoutMs: 0 })).toHaveLength(0);
  process.kill();
  expect((await polled).in).toBe(true);
  expect(epoll.wait({ timeoutMs: 1000 })).toHaveLength(1);
});

test('waiting ends with the signal, the time, or the descriptor', async () => {
  const process = child('cat');
  const pidfd = PidFd.open(process.pid);
  await expect(pidfd.wait({ timeoutMs: 1 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  await expect(pidfd.wait({ signal: AbortSignal.timeout(1) })).rejects.toMatchObject({
    code: 'ABORT_ERR',
  });
  const waiting = later(pidfd.wait());
  pidfd.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(() => pidfd.poll()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
});

test('a process that is no child of this one', async () => {
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [pid] = await once(parent.stdout, 'data');
  using pidfd = PidFd.open(Number(pid));
  expect(pidfd.poll()).toBeUndefined();
  pidfd.sendSignal('SIGKILL');
  expect(await pidfd.wait()).toEqual({
    exitCode: undefined,
    signal: undefined,
    dumpedCore: false,
    known: false,
  });
});

test('a thread has one as well, where the kernel does that', ({ skip }) => {
  try {
    PidFd.open(process.pid, { thread: true }).close();
  } catch (error) {
    expect(error).toMatchObject({ code: 'EINVAL' });
    skip(true, 'the kernel has no PIDFD_THREAD');
  }
});

test('wrong arguments, and what is not there', () => {
  expectRefusal(() => PidFd.open(0), RANGE, 'pid');
  expectRefusal(() => PidFd.open('1' as never), TYPE, 'pid');
  expectRefusal(() => PidFd.open(1, { threads: true } as never), VALUE, 'thread');
  expect(() => PidFd.open(2 ** 22)).toThrow(
    expect.objectContaining({ code: 'ESRCH', syscall: 'pidfd_open' }),
  );
  using pidfd = PidFd.open(process.pid);
  expectRefusal(() => pidfd.sendSignal('SIGTERMM' as never), TYPE, "did you mean 'SIGTERM'");
  expectRefusal(() => pidfd.sendSignal(65), RANGE, 'signal');
  expectRefusal(() => pidfd.getFd(-1), RANGE, 'fd');
});
