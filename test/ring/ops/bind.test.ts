/** bind and listen: a server made by the ring alone. */

import { join } from 'node:path';
import { addressOf, type InternetAddress } from 'nearmetal/net';
import { asFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { expectRefusal, folder, openRing, RANGE, TYPE, VALUE } from '../../support/ring.js';

test('a bound and listening socket takes connections', async () => {
  needs('op:BIND');
  const ring = openRing();
  using listener = await ring.socket('inet');
  await ring.bind(listener, { host: '127.0.0.1', port: 0 });
  await ring.listen(listener, { backlog: 2 });
  const address = addressOf(listener) as InternetAddress;
  expect(address.port).toBeGreaterThan(0);
  using client = await ring.socket('inet');
  const [server] = await Promise.all([ring.accept(listener), ring.connect(client, address)]);
  server.close();
});

test('addresses of every family', async () => {
  needs('op:BIND');
  const ring = openRing();
  const path = join(folder(), 'socket');
  for (const [domain, address] of [
    ['inet6', { host: '::1', port: 0 }],
    ['unix', { path }],
    ['unix', { path: `\0nearmetal-${process.pid}` }],
  ] as const) {
    using socket = await ring.socket(domain);
    await ring.bind(socket, address);
    const bound = addressOf(socket);
    if ('path' in address) expect(bound).toEqual(address);
    else expect(bound).toMatchObject({ host: '::1' });
  }
});

test('what the kernel refuses says which address', async () => {
  needs('op:BIND');
  const ring = openRing();
  using first = await ring.socket('inet');
  using second = await ring.socket('inet');
  await ring.bind(first, { host: '127.0.0.1', port: 0 });
  const address = addressOf(first) as InternetAddress;
  await expect(ring.bind(second, address)).rejects.toMatchObject({
    code: 'EADDRINUSE',
    syscall: 'io_uring:bind',
    address: '127.0.0.1',
    port: address.port,
  });
  await expect(ring.bind(second, { host: '192.0.2.1', port: 1 })).rejects.toMatchObject({
    code: 'EADDRNOTAVAIL',
  });
  await expect(ring.listen(asFd(0))).rejects.toMatchObject({ syscall: 'io_uring:listen', fd: 0 });
  using datagrams = await ring.socket('inet', { type: 'dgram' });
  await expect(ring.listen(datagrams)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
});

test('refuses wrong arguments by name', () => {
  const fd = asFd(0);
  expectRefusal(() => op.bind(fd, { host: 'localhost', port: 1 }), VALUE, '"address.host"');
  expectRefusal(() => op.bind(fd, { host: '::1', port: 65_536 }), RANGE, '"address.port"');
  expectRefusal(() => op.bind(3 as never, { path: 'x' }), TYPE, '"socket"');
  expectRefusal(() => op.bind(fd, { path: '' }), VALUE, '"address.path"');
  expectRefusal(() => op.listen(fd, { backlog: -1 }), RANGE, '"backlog"');
  expectRefusal(() => op.listen(fd, { backLog: 1 } as never), VALUE, '"backLog"');
});
