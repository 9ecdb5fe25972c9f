/** recv, send and shutdown: bytes both ways, ends of connections, and errors instead of signals. */
import { Mapping, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  openWith,
  pattern,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';

test('what is sent is received', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const target = new Uint8Array(16);
  const waiting = ring.recv(server, target);
  expect(await ring.send(client, bytesOf('hello'))).toBe(5);
  expect(await waiting).toBe(5);
  expect(text(target.subarray(0, 5))).toBe('hello');
  using mapping = Mapping.anonymous({ size: 4096 });
  mapping.bytes.set(bytesOf('mapped'), 10);
  expect(await ring.send(server, mapping.bytes.subarray(10, 16))).toBe(6);
  expect(await ring.recv(client, mapping.bytes.subarray(100, 200))).toBe(6);
  expect(text(mapping.bytes.subarray(100, 106))).toBe('mapped');
});

test('peek leaves it there, waitAll waits for the whole target', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const { client, server } = await connection(ring);
  const target = new Uint8Array(6);
  await ring.send(client, bytesOf('abc'), { more: true });
  await ring.send(client, bytesOf('d'));
  expect(await ring.recv(server, target.subarray(0, 2), { peek: true })).toBe(2);
  expect(await ring.recv(server, target.subarray(0, 2))).toBe(2);
  expect(text(target.subarray(0, 2))).toBe('ab');
  const whole = ring.recv(server, target, { waitAll: true });
  await ring.send(client, bytesOf('efgh'), { waitAll: true, pollFirst: true });
  expect(await whole).toBe(6);
  expect(text(target)).toBe('cdefgh');
  const announced = ring.recv(server, target, { pollFirst: true });
  await ring.send(client, bytesOf('!'));
  expect(await announced).toBe(1);
});

test('8 MiB pass through a slow reader', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const bytes = pattern(8 << 20);
  const sending = ring.sendAll(client, bytes).then(() => ring.shutdown(client, 'write'));
  const target = new Uint8Array(bytes.length + 1);
  let received = 0;
  for (;;) {
    const count = await ring.recv(server, target.subarray(received, received + 100_000));
    if (count === 0) break;
    received += count;
  }
  await sending;
  expect(Buffer.compare(target.subarray(0, received), bytes)).toBe(0);
});

test('one half may end before the other', async () => {
  needs('op:SOCKET');
  const ring = openRing();
  const { client, server } = await connection(ring);
  const target = new Uint8Array(4);
  expect(await ring.shutdown(client, 'write')).toBe(undefined);
  expect(await ring.recv(server, target)).toBe(0);
  expect(await ring.send(server, bytesOf('back'))).toBe(4);
  expect(await ring.recv(client, target)).toBe(4);
  expect(text(target)).toBe('back');
  await ring.shutdown(client, 'read');
  expect(await ring.recv(client, target)).toBe(0);
  await ring.shutdown(server, 'both');
  await expect(ring.shutdown(await ring.socket('inet'), 'both')).rejects.toMatchObject({
    code: 'ENOTCONN',
    syscall: 'io_uring:shutdown',
  });
});

test('a peer that has gone is EPIPE, and no signal', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  let signals = 0;
  const count = (): void => {
    signals++;
  };
  process.on('SIGPIPE', count);
  await ring.shutdown(client, 'write');
  await expect(ring.send(client, bytesOf('x'))).rejects.toMatchObject({
    name: 'SystemError',
    code: 'EPIPE',
    errno: -32,
    syscall: 'io_uring:send',
    fd: client.fd,
  });
  server.close();
  await ring.timeout(5);
  process.off('SIGPIPE', count);
  expect(signals).toBe(0);
});

test('a connection that is reset is ECONNRESET', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  await ring.send(client, bytesOf('unread'));
  await ring.pollAdd(server, ['in']);
  const waiting = later(ring.recv(client, new Uint8Array(4)));
  await ring.nop();
  server.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ECONNRESET', syscall: 'io_uring:recv' });
});

test('closing the descriptor ends what waits on it', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  const submitted = later(ring.recv(client, new Uint8Array(4)));
  await ring.nop();
  const queued = later(ring.recv(client, new Uint8Array(4)));
  client.close();
  await expect(submitted).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(queued).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('an operation made before its descriptor was closed does not run', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  const receive = op.recv(client, new Uint8Array(4));
  client.close();
  expect(() => ring.run(receive)).toThrow('the descriptor has been closed');
});

test('an empty send succeeds', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  expect(await ring.send(client, new Uint8Array(0))).toBe(0);
  await ring.sendAll(client, new Uint8Array(0));
});

test('refuses wrong arguments by name', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  const target = new Uint8Array(1);
  expectRefusal(() => ring.recv(3 as never, target), TYPE, '"socket"');
  expectRefusal(() => ring.recv(client, 'x' as never), TYPE, '"target"');
  expectRefusal(() => ring.recv(client, target, { peek: 1 as never }), TYPE, '"peek"');
  expectRefusal(() => ring.recv(client, target, { offset: 0 } as never), VALUE, '"offset"');
  expectRefusal(() => ring.send(client, 'x' as never), TYPE, '"source"');
  expectRefusal(() => ring.send(client, target, { more: 'yes' as never }), TYPE, '"more"');
  expectRefusal(() => ring.shutdown(client, 'rw' as never), VALUE, "'both'");
  await expect(ring.sendAll(client, 'text' as never)).rejects.toMatchObject({ code: TYPE });
  await expect(ring.sendAll(client, new Float64Array(1) as never)).rejects.toMatchObject({
    code: TYPE,
  });
  await expect(ring.recv(openWith('x'), target)).rejects.toMatchObject({ code: 'ENOTSOCK' });
});
