/** Locks that belong to an open file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dup, lock, lockBlocking, queryLock, tryLock, unlock } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import {
  expectRefusal,
  fileOf,
  later,
  openPlain,
  RANGE,
  TYPE,
  turn,
  VALUE,
} from '../support/ring.js';

/** Two open files of one path: each can lock the other out. */
function two() {
  const path = fileOf('0123456789');
  return { path, one: openPlain(path), other: openPlain(path) };
}

test('exclusive locks exclude, shared ones share', () => {
  const { one, other } = two();
  expect(tryLock(one)).toBe(true);
  expect(tryLock(other)).toBe(false);
  expect(tryLock(other, { mode: 'shared' })).toBe(false);
  expect(queryLock(other)).toEqual({ mode: 'exclusive', start: 0, length: 0, pid: -1 });
  unlock(one);
  expect(queryLock(other)).toBeUndefined();
  expect(tryLock(one, { mode: 'shared' })).toBe(true);
  expect(tryLock(other, { mode: 'shared' })).toBe(true);
  expect(tryLock(other)).toBe(false);
});

test('ranges are locked by themselves, and split', () => {
  const { one, other } = two();
  tryLock(one, { start: 2, length: 6 });
  expect(tryLock(other, { start: 8, length: 2 })).toBe(true);
  expect(tryLock(other, { start: 0, length: 3 })).toBe(false);
  unlock(one, { start: 4, length: 2 });
  expect(tryLock(other, { start: 4, length: 2 })).toBe(true);
  expect(queryLock(other, { start: 0, length: 4 })).toMatchObject({ start: 2, length: 2 });
  expect(queryLock(other, { start: 6 })).toMatchObject({ start: 6, length: 2 });
});

test('a copy has the same lock, and the last one to close gives it back', () => {
  const { one, other } = two();
  const copy = dup(one);
  tryLock(copy);
  expect(tryLock(one, { mode: 'exclusive' })).toBe(true);
  copy.close();
  expect(tryLock(other)).toBe(false);
});

test('waiting for a lock: until it is free, until the signal, until the time', async () => {
  const { one, other } = two();
  await lock(one);
  const abort = new AbortController();
  const aborted = later(lock(other, { signal: abort.signal }));
  await turn();
  abort.abort('why');
  await expect(aborted).rejects.toMatchObject({ code: 'ABORT_ERR', cause: 'why' });
  await expect(lock(other, { timeoutMs: 3 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const waiting = lock(other, { timeoutMs: 60_000 });
  await turn();
  unlock(one);
  await waiting;
  expect(tryLock(one)).toBe(false);
});

const HOLDER = `
import fcntl, struct, sys
file = open(sys.argv[1], 'r+')
fcntl.fcntl(file, 37, struct.pack('hhqqi4x', 1, 0, 0, 0, 0))
print('locked', flush=True)
sys.stdin.readline()
`;

test('another process has the lock, and this thread blocks until it ends', async () => {
  const { path, one } = two();
  const holder = spawn('python3', ['-c', HOLDER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void holder.kill());
  await once(holder.stdout, 'data');
  expect(tryLock(one)).toBe(false);
  // From here on it has all it needs to end, whatever this thread does.
  holder.stdin.end('\n');
  lockBlocking(one);
  expect(tryLock(openPlain(path))).toBe(false);
});

test('what the kernel refuses, and wrong arguments', async () => {
  const { one } = two();
  const reading = openPlain(fileOf(''), 0);
  expect(() => tryLock(reading)).toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'fcntl' }),
  );
  expect(tryLock(reading, { mode: 'shared' })).toBe(true);
  expectRefusal(() => tryLock(one, { mode: 'write' as never }), VALUE, 'mode');
  expectRefusal(() => tryLock(one, { start: -1 }), RANGE, 'start');
  expectRefusal(() => tryLock(one, { length: 1.5 }), RANGE, 'length');
  expectRefusal(() => tryLock(one, { offset: 1 } as never), VALUE, 'offset');
  expectRefusal(() => tryLock(1 as never), TYPE, 'fd');
  expectRefusal(() => unlock(one, { mode: 'shared' } as never), VALUE, 'mode');
  expectRefusal(() => lock(one, { timeoutMs: -1 }), RANGE, 'timeoutMs');
  const closed = dup(one);
  closed.close();
  expectRefusal(() => lock(closed), TYPE, 'fd');
});
