/** listen and addressOf: addresses of every family, shared ports, and what is refused. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { asFd } from 'nearmetal/fd';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import { expect, test } from 'vitest';
import { expectRefusal, folder, openRing, RANGE, TYPE, until, VALUE } from '../support/ring.js';

const portOf = (socket: ReturnType<typeof listen>): number =>
  (addressOf(socket) as InternetAddress).port;

test('picks a free port of the loopback by default', () => {
  using first = listen();
  using second = listen({});
  expect(addressOf(first)).toEqual({ host: '127.0.0.1', port: expect.any(Number) });
  expect(portOf(first)).toBeGreaterThan(0);
  expect(portOf(second)).not.toBe(portOf(first));
});

test('takes IPv4, IPv6, Unix paths and abstract names', () => {
  using any = listen({ host: '0.0.0.0' });
  expect(addressOf(any)).toMatchObject({ host: '0.0.0.0' });
  using six = listen({ host: '::1' });
  expect(addressOf(six)).toMatchObject({ host: '::1' });
  using only = listen({ host: '::', ipv6Only: true });
  using beside = listen({ host: '0.0.0.0', port: portOf(only) });
  expect(portOf(beside)).toBe(portOf(only));
  const path = join(folder(), 'listener');
  using unix = listen({ path });
  expect(addressOf(unix)).toEqual({ path });
  expect(statSync(path).isSocket()).toBe(true);
  const name = `\0nearmetal-listen-${process.pid}`;
  using abstract = listen({ path: name });
  expect(addressOf(abstract)).toEqual({ path: name });
});

test('an IPv6 socket that is not for IPv6 only takes IPv4 too', async () => {
  const ring = openRing();
  using both = listen({ host: '::' });
  const client = connect(portOf(both), '127.0.0.1');
  using _socket = await ring.accept(both);
  client.destroy();
});

test('reusePort shares a port', async () => {
  const ring = openRing();
  using first = listen({ reusePort: true });
  const port = portOf(first);
  using second = listen({ reusePort: true, port });
  expect(() => listen({ port })).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  const taken: number[] = [0, 0];
  const stop = new AbortController();
  const loops = [first, second].map(async (listener, index) => {
    try {
      for await (const socket of ring.acceptMultishot(listener, { signal: stop.signal })) {
        socket.close();
        taken[index]!++;
      }
    } catch (error) {
      expect(error).toMatchObject({ name: 'AbortError' });
    }
  });
  const clients = Array.from({ length: 64 }, () => connect(port, '127.0.0.1'));
  for (const client of clients) client.on('error', () => undefined);
  await until(() => taken[0]! + taken[1]! === 64);
  stop.abort();
  await Promise.all(loops);
  for (const client of clients) client.destroy();
  expect(taken[0]).toBeGreaterThan(0);
  expect(taken[1]).toBeGreaterThan(0);
});

test('errors name the address, and leave nothing open', () => {
  using first = listen();
  const port = portOf(first);
  expect(() => listen({ port })).toThrow(
    expect.objectContaining({
      name: 'SystemError',
      code: 'EADDRINUSE',
      errno: -98,
      syscall: 'bind',
      address: '127.0.0.1',
      port,
    }),
  );
  const path = join(folder(), 'taken');
  writeFileSync(path, '');
  expect(() => listen({ path })).toThrow(expect.objectContaining({ code: 'EADDRINUSE', path }));
  const nowhere = join(folder(), 'no', 'folder');
  expect(() => listen({ path: nowhere })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  // A documentation address: no interface has it.
  expect(() => listen({ host: '192.0.2.1' })).toThrow(
    expect.objectContaining({ code: 'EADDRNOTAVAIL', address: '192.0.2.1', port: 0 }),
  );
  expect(existsSync(nowhere)).toBe(false);
});

test('refuses wrong arguments by name', () => {
  const open = (options: unknown) => () => listen(options as never);
  expectRefusal(open(80), TYPE, 'options');
  expectRefusal(open({ port: -1 }), RANGE, 'port');
  expectRefusal(open({ port: '80' }), TYPE, 'port');
  expectRefusal(open({ host: 'localhost' }), VALUE, 'numeric');
  expectRefusal(open({ host: 5 }), TYPE, 'host');
  expectRefusal(open({ path: 5 }), TYPE, 'path');
  expectRefusal(open({ path: '' }), VALUE, 'path');
  expectRefusal(open({ path: '/x', port: 5 }), VALUE, 'path');
  expectRefusal(open({ backlog: -1 }), RANGE, '"backlog"');
  expectRefusal(open({ reusePort: 1 }), TYPE, '"reusePort"');
  expectRefusal(open({ reuseport: true }), VALUE, '"reusePort"');
  expectRefusal(() => addressOf(3 as never), TYPE, '"socket"');
  expect(() => addressOf(asFd(19_999))).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
