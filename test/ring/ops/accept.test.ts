/** accept and acceptMultishot: one connection, and all of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import { asFd, OwnedFd, op } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  expectRefusal,
  later,
  openRing,
  openWith,
  TYPE,
  until,
  VALUE,
} from '../../support/ring.js';

function dial(listener: OwnedFd): Socket {
  const { port } = addressOf(listener) as InternetAddress;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('gives an owned descriptor, non-blocking and closed on exec', async () => {
  const ring = openRing();
  using listener = listen();
  const waiting = ring.accept(listener);
  dial(listener);
  using socket = await waiting;
  expect(socket).toBeInstanceOf(OwnedFd);
  const info = readFileSync(`/proc/self/fdinfo/${socket.fd}`, 'utf8');
  expect(Number.parseInt(/flags:\s*(\d+)/.exec(info)![1]!, 8) & 0o2004000).toBe(0o2004000);
});

test('multishot takes all who come with one submission', async () => {
  needs('linux:5.19');
  const ring = openRing();
  using listener = listen();
  for (let index = 0; index < 50; index++) dial(listener);
  const sockets: OwnedFd[] = [];
  for await (const socket of ring.acceptMultishot(listener)) {
    if (sockets.push(socket) === 50) break;
  }
  expect(new Set(sockets.map((socket) => socket.fd)).size).toBe(50);
  for (const socket of sockets) socket.close();
  // One for all, one to end it.
  expect(ring.stats).toMatchObject({ submitted: 2, inFlight: 0 });
});

test('leaving the loop closes those that nobody has seen', async () => {
  const ring = openRing();
  using listener = listen();
  const dialled = Array.from({ length: 20 }, () => dial(listener));
  await Promise.all(dialled.map((socket) => new Promise((done) => socket.once('connect', done))));
  const before = descriptors();
  const stream = ring.acceptMultishot(listener);
  const first = await stream.next();
  (first.value as OwnedFd).close();
  await ring.timeout(5);
  await stream.return();
  expect(ring.stats.inFlight).toBe(0);
  await until(() => descriptors() === before);
});

test('a signal ends one accept and a stream of them', async () => {
  const ring = openRing();
  using listener = listen();
  const stop = new AbortController();
  const one = later(ring.accept(listener, { signal: stop.signal }));
  const stream = ring.acceptMultishot(listener, { signal: stop.signal });
  const next = later(stream.next());
  await ring.nop();
  stop.abort();
  await expect(one).rejects.toMatchObject({ name: 'AbortError' });
  await expect(next).rejects.toMatchObject({ name: 'AbortError' });
  expect(ring.stats.inFlight).toBe(0);
  const late = ring.acceptMultishot(listener, { signal: stop.signal });
  await expect(late.next()).rejects.toMatchObject({ name: 'AbortError' });
  expect(await late.next()).toEqual({ value: undefined, done: true });
});

test('an abort while nobody waits is told by the next call, once the kernel let go', async () => {
  const ring = openRing();
  using listener = listen();
  dial(listener);
  const stop = new AbortController();
  const stream = ring.acceptMultishot(listener, { signal: stop.signal });
  const { value } = await stream.next();
  (value as OwnedFd).close();
  stop.abort();
  await expect(stream.next()).rejects.toMatchObject({ name: 'AbortError' });
  expect(ring.stats.inFlight).toBe(0);
});

test('closing the listener ends both with ECANCELED', async () => {
  const ring = openRing();
  using listener = listen();
  const one = later(ring.accept(listener));
  const stream = ring.acceptMultishot(listener);
  const next = later(stream.next());
  await ring.nop();
  listener.close();
  await expect(one).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'io_uring:accept' });
  await expect(next).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(await stream.next()).toEqual({ value: undefined, done: true });
});

test('timeoutMs ends a wait for nobody', async () => {
  const ring = openRing();
  using listener = listen();
  const nobody = ring.accept(listener, { timeoutMs: 3 });
  await expect(nobody).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'io_uring:accept' });
});

test('refuses what does not listen', async () => {
  needs('op:SOCKET');
  const ring = openRing();
  await expect(ring.accept(openWith('x'))).rejects.toMatchObject({ code: 'ENOTSOCK' });
  using idle = await ring.socket('inet');
  await expect(ring.accept(idle)).rejects.toMatchObject({ code: 'EINVAL' });
  const stream = ring.acceptMultishot(idle);
  await expect(stream.next()).rejects.toMatchObject({ code: 'EINVAL', syscall: 'io_uring:accept' });
  await expect(ring.accept(asFd(19_999))).rejects.toMatchObject({ code: 'EBADF' });
  expectRefusal(() => ring.accept(3 as never), TYPE, '"listener"');
  expectRefusal(() => op.acceptMultishot(3 as never), TYPE, '"listener"');
  expectRefusal(() => op.accept(idle, { flags: 1 } as never), VALUE, '"flags"');
  idle.close();
  expectRefusal(() => ring.accept(idle), TYPE, 'closed');
});

test('run and stream each take their own kind of operation', async () => {
  const ring = openRing();
  using listener = listen();
  const many = op.acceptMultishot(listener);
  expectRefusal(() => ring.run(many as never), TYPE, 'single-shot');
  expectRefusal(() => ring.stream(op.accept(listener) as never), TYPE, 'multishot');
  expectRefusal(() => ring.run({} as never), TYPE, '"operation"');
});
