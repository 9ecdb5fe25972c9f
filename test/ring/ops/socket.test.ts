/** socket and connect: kinds of sockets, addresses of every family, and refusals. */
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { addressOf, listen, type Address as SocketAddress } from 'nearmetal/net';
import { op, type Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { expectRefusal, folder, openRing, RANGE, TYPE, VALUE } from '../../support/ring.js';

async function reaches(ring: Ring, domain: 'inet' | 'inet6' | 'unix', address: SocketAddress) {
  using client = await ring.socket(domain);
  expect(await ring.connect(client, address)).toBe(undefined);
  using _again = await ring.socket(domain);
  await expect(ring.connect(client, address)).rejects.toMatchObject({ code: 'EISCONN' });
}

function nodeServer(listenOn: (server: Server) => void): Promise<Server> {
  const server = createServer();
  onTestFinished(() => void server.close());
  listenOn(server);
  return new Promise((resolve) => server.once('listening', () => resolve(server)));
}

test('makes sockets of each domain and type', async () => {
  const ring = openRing();
  for (const domain of ['inet', 'inet6', 'unix'] as const) {
    for (const type of ['stream', 'dgram'] as const) {
      using socket = await ring.run(op.socket(domain, { type }));
      expect(socket.fd).toBeGreaterThan(2);
    }
  }
  using _packets = await ring.run(op.socket('unix', { type: 'seqpacket' }));
  await expect(ring.run(op.socket('inet', { protocol: 255 }))).rejects.toMatchObject({
    code: 'EPROTONOSUPPORT',
    syscall: 'io_uring:socket',
  });
});

test('connects over IPv4, IPv6, a Unix path and an abstract name', async () => {
  const ring = openRing();
  const path = join(folder(), 'socket');
  for (const options of [{}, { host: '::1' }, { path }, { path: `\0nearmetal-${process.pid}` }]) {
    using listener = listen(options);
    const address = addressOf(listener);
    const domain = 'path' in address ? 'unix' : address.host.includes(':') ? 'inet6' : 'inet';
    await reaches(ring, domain, address);
  }
});

test('reaches servers of Node', async () => {
  const ring = openRing();
  const path = join(folder(), 'socket');
  const server = await nodeServer((own) => own.listen(0, '127.0.0.1'));
  const { port } = server.address() as { port: number };
  await reaches(ring, 'inet', { host: '127.0.0.1', port });
  await nodeServer((own) => own.listen(path));
  await reaches(ring, 'unix', { path });
});

test('nobody listens there: ECONNREFUSED, ENOENT', async () => {
  const ring = openRing();
  using gone = listen();
  const address = addressOf(gone);
  gone.close();
  using client = await ring.socket('inet');
  await expect(ring.connect(client, address)).rejects.toMatchObject({
    name: 'SystemError',
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'io_uring:connect',
  });
  using local = await ring.socket('unix');
  const path = join(folder(), 'none');
  await expect(ring.connect(local, { path })).rejects.toMatchObject({ code: 'ENOENT' });
  using six = await ring.socket('inet6');
  await expect(ring.connect(six, { host: '::1', port: 1 })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
  });
  await expect(ring.connect(six, { host: '127.0.0.1', port: 1 })).rejects.toThrow();
});

test('an error of connect names the address, as Node does', async () => {
  const ring = openRing();
  using client = await ring.socket('inet');
  await expect(ring.connect(client, { host: '127.0.0.1', port: 1 })).rejects.toMatchObject({
    address: '127.0.0.1',
    port: 1,
    message: 'ECONNREFUSED: connection refused, io_uring:connect 127.0.0.1:1',
  });
});

test('a connection that nobody answers ends by its time limit or signal', async () => {
  const ring = openRing();
  using listener = listen({ path: join(folder(), 'full'), backlog: 0 });
  const address = addressOf(listener);
  using first = await ring.socket('unix');
  await ring.connect(first, address);
  using second = await ring.socket('unix');
  const timed = ring.connect(second, address, { timeoutMs: 5 });
  await expect(timed).rejects.toMatchObject({ code: expect.stringMatching(/ETIMEDOUT|EAGAIN/) });
});

test('the same connect may be used for several sockets', async () => {
  const ring = openRing();
  using listener = listen();
  using client = await ring.socket('inet');
  const connecting = op.connect(client, addressOf(listener));
  await ring.run(connecting);
  await expect(ring.run(connecting)).rejects.toMatchObject({ code: 'EISCONN' });
});

test('refuses wrong arguments by name', async () => {
  const ring = openRing();
  using client = await ring.socket('inet');
  const to = (address: unknown) => () => ring.connect(client, address as SocketAddress);
  expectRefusal(() => op.socket('ipv4' as never), VALUE, "'inet6'");
  expectRefusal(() => op.socket('inet', { type: 'raw' as never }), VALUE, "'seqpacket'");
  expectRefusal(() => op.socket('inet', { protocol: -1 }), RANGE, '"protocol"');
  expectRefusal(to(undefined), TYPE, '"address"');
  expectRefusal(to('127.0.0.1'), TYPE, '{ host, port }');
  expectRefusal(to({ host: '127.0.0.1' }), TYPE, '"address.port"');
  expectRefusal(to({ host: '127.0.0.1', port: 65_536 }), RANGE, '"address.port"');
  expectRefusal(to({ host: '127.0.0.1', port: '80' }), TYPE, '"address.port"');
  expectRefusal(to({ port: 80 }), TYPE, '"address.host"');
  expectRefusal(to({ host: 'localhost', port: 80 }), VALUE, 'numeric');
  expectRefusal(to({ host: '127.0.0.1', port: 1, family: 4 }), VALUE, '"family"');
  expectRefusal(to({ path: '' }), VALUE, '"address.path"');
  expectRefusal(to({ path: 'x'.repeat(108) }), VALUE, '1 to 107');
  expectRefusal(to({ path: 5 }), TYPE, '"address.path"');
  expectRefusal(to({ path: undefined }), TYPE, '"address.path"');
  expectRefusal(to({ path: 'a\0b' }), VALUE, 'null bytes');
  expectRefusal(to({ path: '/x', port: 5 }), VALUE, '"port"');
  expectRefusal(() => op.connect(5 as never, { host: '::1', port: 1 }), TYPE, '"socket"');
});
