/** A counter in the kernel: read, written, waited for, by itself, by an epoll and by a ring. */
import { closeSync } from 'node:fs';
import { Epoll } from 'nearmetal/epoll';
import { EventFd } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import {
  expectRefusal,
  later,
  openRing,
  RANGE,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';

function open(...options: Parameters<typeof EventFd.open>): EventFd {
  const made = EventFd.open(...options);
  onTestFinished(() => made.close());
  return made;
}

test('a counter is added to, and emptied by a read', () => {
  const counter = open();
  expect(counter.read()).toBeUndefined();
  expect(counter.write()).toBe(true);
  expect(counter.write(41)).toBe(true);
  expect(counter.read()).toBe(42);
  expect(counter.read()).toBeUndefined();
  expect(open({ initial: 7 }).read()).toBe(7);
});

test('a semaphore gives one for each read', () => {
  const semaphore = open({ initial: 2, semaphore: true });
  expect([semaphore.read(), semaphore.read(), semaphore.read()]).toEqual([1, 1, undefined]);
});

test('the counter is exact to 2^64 - 2, and never wraps', () => {
  const counter = open();
  expect(counter.write(2n ** 64n - 2n)).toBe(true);
  expect(counter.write(1)).toBe(false);
  expect(counter.readBigInt()).toBe(2n ** 64n - 2n);
  expect(counter.write(0)).toBe(true);
  expect(counter.read()).toBeUndefined();
});

test('wait resolves when somebody writes, and at once when somebody has', async () => {
  const counter = open();
  const waiting = counter.wait();
  await turn();
  counter.write(3);
  expect(await waiting).toBe(3);
  counter.write(4);
  expect(await counter.wait()).toBe(4);
});

test('of several that wait each one is served, and nobody twice', async () => {
  const semaphore = open({ semaphore: true });
  const waiting = Promise.all([semaphore.wait(), semaphore.wait(), semaphore.wait()]);
  semaphore.write(2);
  await turn();
  semaphore.write(1);
  expect(await waiting).toEqual([1, 1, 1]);
  expect(semaphore.read()).toBeUndefined();
});

test('an iteration sees each value, and ends when it is closed or left', async () => {
  const counter = open();
  const seen: number[] = [];
  const loop = (async () => {
    for await (const value of counter) {
      seen.push(value);
      if (value === 5) break;
    }
  })();
  for (const value of [1, 2, 5]) {
    counter.write(value);
    // Two that are not read in between are one.
    if (value !== 5) await until(() => seen.includes(value));
  }
  await loop;
  expect(seen).toEqual([1, 2, 5]);
  const second = (async () => {
    for await (const value of counter) seen.push(value);
  })();
  await turn();
  counter.close();
  await second;
  expect(seen).toEqual([1, 2, 5]);
});

test('an iterator that is returned while it waits ends', async () => {
  const iterator = open()[Symbol.asyncIterator]();
  const next = iterator.next();
  expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
  expect(await next).toEqual({ done: true, value: undefined });
});

test('waiting ends with the signal, the time, or the descriptor, and loses nothing', async () => {
  const counter = open();
  const abort = new AbortController();
  const waiting = later(counter.wait({ signal: abort.signal }));
  await turn();
  abort.abort('why');
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError', cause: 'why' });
  await expect(counter.wait({ signal: abort.signal })).rejects.toMatchObject({
    code: 'ABORT_ERR',
  });
  await expect(counter.wait({ timeoutMs: 2 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  counter.write(9);
  expect(await counter.wait({ timeoutMs: 60_000 })).toBe(9);
  const last = later(counter.wait());
  await turn();
  counter.close();
  await expect(last).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(() => counter.wait()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  expect(() => counter.read()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
});

test('a value that comes together with the abort is not lost', async () => {
  const counter = open();
  const abort = new AbortController();
  const waiting = later(counter.wait({ signal: abort.signal }));
  await turn();
  counter.write(6);
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'ABORT_ERR' });
  expect(counter.read()).toBe(6);
});

test('released while somebody waits: the number lives on, the wait does not', async () => {
  const counter = EventFd.open();
  const waiting = later(counter.wait());
  await turn();
  const fd = counter.release();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  const again = EventFd.adopt(fd);
  again.write(2);
  expect(await again.wait()).toBe(2);
  again.close();
});

test('a number is reused by the next, while the first was waited for', async () => {
  for (let round = 0; round < 50; round++) {
    const first = EventFd.open();
    const waiting = later(first.wait());
    await Promise.resolve();
    const number = first.fd;
    first.close();
    const second = EventFd.open({ initial: 1 });
    expect(second.fd).toBe(number);
    const third = second.wait();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
    expect(await third).toBe(1);
    second.close();
  }
});

test('a ring reads it, where it was not opened nonblocking', async () => {
  const counter = open({ nonblocking: false });
  const ring = openRing();
  const target = new BigUint64Array(1);
  const read = ring.read(counter, target);
  await ring.nop();
  counter.write(11);
  expect(await read).toBe(8);
  expect(target[0]).toBe(11n);
  expect(() => counter.wait()).toThrow('nonblocking: false');
});

test('an epoll reports it, and a ring polls it', async () => {
  const counter = open();
  using epoll = Epoll.open();
  epoll.add(counter, ['in']);
  const ring = openRing();
  const polled = ring.pollAdd(counter, ['in']);
  counter.write(1);
  expect((await polled).in).toBe(true);
  expect(epoll.wait({ timeoutMs: 1000 })).toHaveLength(1);
  expect(await counter.wait()).toBe(1);
});

test('wrong arguments are refused before any call', () => {
  const counter = open();
  expectRefusal(() => EventFd.open({ initial: -1 }), RANGE, 'initial');
  expectRefusal(() => EventFd.open({ initial: 2 ** 32 }), RANGE, 'initial');
  expectRefusal(() => EventFd.open({ semaphore: 1 as never }), TYPE, 'semaphore');
  expectRefusal(() => EventFd.open({ semaphor: true } as never), VALUE, 'semaphore');
  expectRefusal(() => counter.write(-1), RANGE, 'value');
  expectRefusal(() => counter.write(2n ** 64n - 1n), RANGE, 'value');
  expectRefusal(() => counter.write('1' as never), TYPE, 'value');
  expectRefusal(() => EventFd.adopt(-1), RANGE, 'fd');
});

test('wrong ways to wait are refused at once', () => {
  const counter = open();
  expectRefusal(() => counter.wait({ timeoutMs: -1 }), RANGE, 'timeoutMs');
  expectRefusal(() => counter.wait({ timeoutMs: 2 ** 31 }), RANGE, 'timeoutMs');
  expectRefusal(() => counter.wait({ timeout: 1 } as never), VALUE, 'timeoutMs');
  expectRefusal(() => counter.wait({ signal: {} as never }), TYPE, 'signal');
});

test('what is no eventfd, or was closed by somebody else, is an error of the kernel', async () => {
  const counter = EventFd.open();
  closeSync(counter.fd);
  expect(() => counter.read()).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'read' }));
  expect(() => counter.write()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => counter.wait()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => counter.close()).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
