/** What Node's documentation says of net, asked of node:net and of ours alike. */
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, readFileSync, statSync } from 'node:fs';
import * as node from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as ours from 'nearmetal/net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileOf, folder, pattern, turn, until } from '../support/ring.js';

type Net = typeof node;

/** Ours with the backend chosen, in the clothes of node:net. */
function withBackend(backend: 'io_uring' | 'epoll'): Net {
  const split = (given: unknown[]): [object, unknown[]] =>
    typeof given[0] === 'object' ? [given[0] as object, given.slice(1)] : [{}, given];
  class Socket extends ours.Socket {
    constructor(options: object = {}) {
      super({ ...options, backend });
    }
  }
  class Server extends ours.Server {
    constructor(...given: unknown[]) {
      const [options, rest] = split(given);
      super({ ...options, backend }, rest[0] as () => void);
    }
  }
  const connect = (...given: unknown[]): ours.Socket => {
    const [options] = split(given);
    const socket = new Socket(options);
    const { timeout } = options as { timeout?: number };
    if (timeout) socket.setTimeout(timeout);
    return socket.connect(...(given as [number]));
  };
  const createServer = (...given: unknown[]): ours.Server => new Server(...given);
  return { ...ours, Socket, Server, connect, createConnection: connect, createServer } as never;
}

const FACES: [name: string, net: Net][] = [
  ['node:net', node],
  ['nearmetal/net on io_uring', withBackend('io_uring')],
  ['nearmetal/net on epoll', withBackend('epoll')],
];

const ignore = (): void => undefined;
const portOf = (server: node.Server): number => (server.address() as node.AddressInfo).port;
/** Also after an error, which `once` takes for its own. */
const closed = (of: node.Socket | node.Server): Promise<unknown> =>
  new Promise((resolve) => of.once('close', (hadError?: boolean) => resolve(hadError)));
const failure = (of: node.Socket | node.Server): Promise<NodeJS.ErrnoException> =>
  new Promise((resolve) => of.once('error', resolve));

describe.each(FACES)('%s', (_name, net) => {
  async function listening(
    options: node.ServerOpts = {},
    listener: (socket: node.Socket) => void = ignore,
    where: node.ListenOptions = { port: 0, host: '127.0.0.1' },
  ): Promise<node.Server> {
    const server = net.createServer(options, (socket) => {
      socket.on('error', ignore);
      sockets.add(socket);
      listener(socket);
    });
    const sockets = new Set<node.Socket>();
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.listen(where);
    await once(server, 'listening');
    return server;
  }

  /** Both ends of a connection. */
  async function pair(
    options: node.ServerOpts & { client?: Partial<node.NetConnectOpts> } = {},
  ): Promise<{ client: node.Socket; peer: node.Socket; server: node.Server }> {
    let peer: node.Socket | undefined;
    const server = await listening(options, (socket) => {
      peer = socket;
    });
    const client = net.connect({
      host: '127.0.0.1',
      port: portOf(server),
      ...(options.client as object),
    });
    client.on('error', ignore);
    onTestFinished(() => void client.destroy());
    await once(client, 'connect');
    await until(() => peer !== undefined);
    return { client, peer: peer as node.Socket, server };
  }

  /** The names of events, in order. */
  function noted(of: node.Socket | node.Server, ...names: string[]): string[] {
    const list: string[] = [];
    for (const name of names) of.on(name, () => list.push(name));
    return list;
  }

  const all = async (socket: node.Socket): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    socket.on('data', (bytes) => chunks.push(bytes));
    await once(socket, 'end');
    return Buffer.concat(chunks);
  };

  describe('Server', () => {
    test('listen and close: events, address, listening', async () => {
      const server = net.createServer();
      const events = noted(server, 'listening', 'close', 'connection');
      expect([server.listening, server.address()]).toEqual([false, null]);
      let called = 0;
      expect(server.listen(0, '127.0.0.1', () => called++)).toBe(server);
      await once(server, 'listening');
      expect(server.listening).toBe(true);
      expect(server.address()).toEqual({
        address: '127.0.0.1',
        family: 'IPv4',
        port: expect.any(Number),
      });
      expect(server.close(() => called++)).toBe(server);
      expect(server.listening).toBe(false);
      await once(server, 'close');
      expect([called, events]).toEqual([2, ['listening', 'close']]);
    });

    test('without a host it is there for both families', async () => {
      const server = await listening({}, ignore, { port: 0 });
      expect((server.address() as node.AddressInfo).address).toBe('::');
      for (const host of ['127.0.0.1', '::1']) {
        const client = net.connect(portOf(server), host);
        await once(client, 'connect');
        expect(client.remoteFamily).toBe(host.includes(':') ? 'IPv6' : 'IPv4');
        client.destroy();
      }
    });

    test('host names, IPv6, IPv6 only', async () => {
      const named = await listening({}, ignore, { port: 0, host: 'localhost' });
      expect((named.address() as node.AddressInfo).address).toMatch(/^(127\.0\.0\.1|::1)$/);
      const six = await listening({}, ignore, { port: 0, host: '::1' });
      expect(six.address()).toMatchObject({ address: '::1', family: 'IPv6' });
      const only = await listening({}, ignore, { port: 0, host: '::', ipv6Only: true });
      const beside = await listening({}, ignore, { port: portOf(only), host: '0.0.0.0' });
      expect(portOf(beside)).toBe(portOf(only));
    });

    test('a port in use is an error event, of this shape', async () => {
      const server = await listening();
      const port = portOf(server);
      const second = net.createServer();
      second.listen(port, '127.0.0.1');
      const error = await failure(second);
      expect(error.message).toBe(`listen EADDRINUSE: address already in use 127.0.0.1:${port}`);
      expect({ ...error }).toEqual({
        code: 'EADDRINUSE',
        errno: -98,
        syscall: 'listen',
        address: '127.0.0.1',
        port,
      });
      expect(second.listening).toBe(false);
      // It can be tried again.
      second.listen(0, '127.0.0.1');
      await once(second, 'listening');
      second.close();
    });

    test('a host that does not exist is an error event', async () => {
      const server = net.createServer();
      server.listen(0, 'no.such.host.invalid');
      const error = await failure(server);
      expect(error.syscall).toBe('getaddrinfo');
    });

    test('listening twice throws; closing what does not listen is told', async () => {
      const server = await listening();
      expect(() => server.listen(0)).toThrow(
        expect.objectContaining({ code: 'ERR_SERVER_ALREADY_LISTEN' }),
      );
      const never = net.createServer();
      const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
        never.close(resolve);
      });
      expect(error).toMatchObject({
        code: 'ERR_SERVER_NOT_RUNNING',
        message: 'Server is not running.',
      });
    });

    test('wrong ports throw at once', () => {
      const server = net.createServer();
      for (const port of [-1, 65_536, 1.5]) {
        expect(() => server.listen(port)).toThrow(
          expect.objectContaining({
            code: 'ERR_SOCKET_BAD_PORT',
            message: `options.port should be >= 0 and < 65536. Received type number (${port}).`,
          }),
        );
      }
      expect(() => server.listen({} as never)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      );
    });

    test('Unix sockets: path as address, name gone after close', async () => {
      const path = join(folder(), 'socket');
      const server = await listening({}, (socket) => socket.pipe(socket), { path });
      expect(server.address()).toBe(path);
      const client = net.connect(path);
      await once(client, 'connect');
      expect([client.remoteAddress, client.remotePort, client.address()]).toEqual([
        undefined,
        undefined,
        {},
      ]);
      client.end('over a path');
      expect(`${await all(client)}`).toBe('over a path');
      server.close();
      await closed(server);
      expect(existsSync(path)).toBe(false);
    });

    test('a path that everybody may use', async () => {
      const path = join(folder(), 'socket');
      await listening({}, ignore, { path, readableAll: true, writableAll: true });
      expect(statSync(path).mode & 0o666).toBe(0o666);
    });

    test('abstract names', async () => {
      const path = `\0nearmetal-contract-${process.pid}-${Math.random()}`;
      const server = await listening({}, (socket) => socket.end('abstract'), { path });
      const client = net.connect({ path });
      expect(`${await all(client)}`).toBe('abstract');
      server.close();
    });

    test('getConnections; close waits for connections', async () => {
      const { client, server, peer } = await pair();
      const count = (): Promise<number> =>
        new Promise((resolve) => server.getConnections((_, number) => resolve(number)));
      expect(await count()).toBe(1);
      const events = noted(server, 'close');
      server.close();
      await turn();
      expect([server.listening, events]).toEqual([false, []]);
      const refused = net.connect((client as node.Socket).remotePort as number, '127.0.0.1');
      expect((await failure(refused)).code).toBe('ECONNREFUSED');
      client.destroy();
      peer.destroy();
      await closed(server);
      expect(await count()).toBe(0);
    });

    test('maxConnections: the rest is dropped, and told of', async () => {
      const server = await listening();
      server.maxConnections = 1;
      const first = net.connect(portOf(server), '127.0.0.1');
      await once(first, 'connect');
      const dropped = once(server, 'drop');
      const second = net.connect(portOf(server), '127.0.0.1').on('error', ignore);
      const [about] = await dropped;
      expect(about).toMatchObject({
        localAddress: '127.0.0.1',
        localPort: portOf(server),
        localFamily: 'IPv4',
        remoteAddress: '127.0.0.1',
        remoteFamily: 'IPv4',
      });
      if (!second.destroyed) await closed(second);
      first.destroy();
    });

    test('pauseOnConnect: nothing is read before resume', async () => {
      const { client, peer } = await pair({ pauseOnConnect: true });
      client.write('early');
      await turn();
      expect([peer.isPaused(), peer.bytesRead]).toEqual([true, 0]);
      peer.resume();
      expect(`${(await once(peer, 'data'))[0]}`).toBe('early');
    });

    test('a signal closes it', async () => {
      const stop = new AbortController();
      const server = net.createServer();
      server.listen({ port: 0, host: '127.0.0.1', signal: stop.signal });
      await once(server, 'listening');
      stop.abort();
      await closed(server);
      expect(server.listening).toBe(false);
    });

    test('closing right after listen gives no listening event', async () => {
      const server = net.createServer();
      const events = noted(server, 'close');
      server.listen(0, '127.0.0.1').close();
      await closed(server);
      expect(events).toEqual(['close']);
    });
  });

  describe('Socket: connecting', () => {
    test('events in order, and the state at each', async () => {
      const server = await listening();
      const states: unknown[] = [];
      const socket = new net.Socket();
      const state = (when: string) => (): void => {
        states.push([when, socket.connecting, socket.pending, socket.readyState]);
      };
      for (const event of ['lookup', 'connect', 'ready', 'close']) socket.on(event, state(event));
      expect(socket.connect({ port: portOf(server), host: 'localhost', family: 4 })).toBe(socket);
      state('asked')();
      await once(socket, 'ready');
      expect(socket.remotePort).toBe(portOf(server));
      expect([socket.remoteAddress, socket.remoteFamily]).toEqual(['127.0.0.1', 'IPv4']);
      expect(socket.address()).toEqual({
        address: socket.localAddress,
        family: 'IPv4',
        port: socket.localPort,
      });
      socket.destroy();
      await once(socket, 'close');
      expect(states).toEqual([
        ['asked', true, true, 'opening'],
        ['lookup', true, true, 'opening'],
        ['connect', false, false, 'open'],
        ['ready', false, false, 'open'],
        ['close', false, true, 'closed'],
      ]);
    });

    test('refused: an error of this shape, then close', async () => {
      const server = await listening();
      const port = portOf(server);
      server.close();
      await closed(server);
      const socket = net.connect(port, '127.0.0.1');
      const events = noted(socket, 'connect', 'end', 'close');
      const error = await failure(socket);
      expect(error.message).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`);
      expect({ ...error }).toEqual({
        errno: -111,
        code: 'ECONNREFUSED',
        syscall: 'connect',
        address: '127.0.0.1',
        port,
      });
      expect(await closed(socket)).toBe(true);
      expect(events).toEqual(['close']);
      expect(socket.destroyed).toBe(true);
    });

    test('a path that does not exist', async () => {
      const error = await failure(net.connect('/no/such/path'));
      expect(error.message).toBe('connect ENOENT /no/such/path');
      expect({ ...error }).toEqual({
        errno: -2,
        code: 'ENOENT',
        syscall: 'connect',
        address: '/no/such/path',
      });
    });

    test('a name that does not exist', async () => {
      const socket = net.connect(1, 'no.such.host.invalid');
      const lookedUp = once(socket, 'lookup');
      const error = await failure(socket);
      expect(error.syscall).toBe('getaddrinfo');
      expect((await lookedUp)[0]).toBe(error);
    });

    test('a lookup of the user', async () => {
      const server = await listening();
      const asked: unknown[] = [];
      const client = net.connect({
        port: portOf(server),
        host: 'anything',
        family: 4,
        lookup: (host, options, callback) => {
          asked.push(host, options.family);
          setImmediate(callback, null, '127.0.0.1', 4);
        },
      });
      const lookedUp = once(client, 'lookup');
      await once(client, 'connect');
      expect(asked).toEqual(['anything', 4]);
      expect(await lookedUp).toEqual([null, '127.0.0.1', 4, 'anything']);
      client.destroy();
      const wrong = net.connect({
        port: 1,
        host: 'x',
        family: 4,
        lookup: (_, __, callback) => void setImmediate(callback, null, 'no address', 4),
      });
      expect(await failure(wrong)).toMatchObject({ code: 'ERR_INVALID_IP_ADDRESS' });
    });

    test('the families are tried one after the other', async () => {
      const server = await listening();
      const port = portOf(server);
      const lookup: node.LookupFunction = (_, __, callback) =>
        void setImmediate(callback as (error: null, found: object[]) => void, null, [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ]);
      const client = net.connect({ port, host: 'both', lookup, autoSelectFamily: true });
      const failures = noted(client, 'connectionAttempt', 'connectionAttemptFailed', 'connect');
      await once(client, 'connect');
      expect(client.remoteAddress).toBe('127.0.0.1');
      expect(client.autoSelectFamilyAttemptedAddresses).toEqual([
        `::1:${port}`,
        `127.0.0.1:${port}`,
      ]);
      expect(failures).toEqual([
        'connectionAttempt',
        'connectionAttemptFailed',
        'connectionAttempt',
        'connect',
      ]);
      client.destroy();
      server.close();
      await closed(server);
      const nowhere = net.connect({ port, host: 'both', lookup, autoSelectFamily: true });
      const error = (await failure(nowhere)) as NodeJS.ErrnoException & { errors: Error[] };
      expect([error.name, error.code]).toEqual(['AggregateError', 'ECONNREFUSED']);
      expect(error.errors.map(({ message }) => message)).toEqual([
        `connect ECONNREFUSED ::1:${port}`,
        `connect ECONNREFUSED 127.0.0.1:${port}`,
      ]);
    });

    test('an attempt that gets no answer in time is given up for the next', async () => {
      const good = await listening();
      const port = portOf(good);
      // Nobody accepts there, and the queue is full: those who come get no answer.
      const full = ours.listen({ host: '127.0.0.2', port, backlog: 0 });
      const fillers = [1, 2, 3].map(() => node.connect(port, '127.0.0.2').on('error', ignore));
      onTestFinished(() => {
        full.close();
        for (const filler of fillers) filler.destroy();
      });
      await once(fillers[0] as node.Socket, 'connect');
      await turn();
      const client = net.connect({
        port,
        host: 'both',
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 30,
        lookup: ((_: string, __: object, callback: (error: null, found: object[]) => void) =>
          void setImmediate(callback, null, [
            { address: '127.0.0.2', family: 4 },
            { address: '127.0.0.1', family: 4 },
          ])) as never,
      });
      const attempts = noted(client, 'connectionAttemptTimeout', 'connect');
      await once(client, 'connect');
      expect([client.remoteAddress, attempts]).toEqual([
        '127.0.0.1',
        ['connectionAttemptTimeout', 'connect'],
      ]);
      client.destroy();
    });

    test('wrong arguments throw at once', () => {
      const thrown = (options: object): unknown => {
        try {
          net
            .connect(options as node.NetConnectOpts)
            .on('error', ignore)
            .destroy();
          return undefined;
        } catch (error) {
          return [(error as NodeJS.ErrnoException).code, (error as Error).message];
        }
      };
      expect(thrown({})).toEqual([
        'ERR_MISSING_ARGS',
        'The "options" or "port" or "path" argument must be specified',
      ]);
      expect(thrown({ port: 65_536 })).toEqual([
        'ERR_SOCKET_BAD_PORT',
        'Port should be >= 0 and < 65536. Received type number (65536).',
      ]);
      expect(thrown({ port: true })).toMatchObject(['ERR_INVALID_ARG_TYPE', expect.anything()]);
      expect(thrown({ port: 1, lookup: 'x' })).toMatchObject([
        'ERR_INVALID_ARG_TYPE',
        expect.stringContaining('lookup'),
      ]);
      expect(thrown({ port: 1, localAddress: 'x' })).toEqual([
        'ERR_INVALID_IP_ADDRESS',
        'Invalid IP address: x',
      ]);
    });

    test('from an address of its own', async () => {
      const server = await listening();
      const client = net.connect({
        port: portOf(server),
        host: '127.0.0.1',
        localAddress: '127.0.0.2',
      });
      await once(client, 'connect');
      expect(client.localAddress).toBe('127.0.0.2');
      client.destroy();
    });

    test('what is written before the connection is there goes over it', async () => {
      const server = await listening({}, (socket) => socket.pipe(socket));
      const client = new net.Socket();
      client.connect(portOf(server), '127.0.0.1');
      const written: unknown[] = [];
      client.write('one ', () => written.push('one'));
      client.write('two');
      expect([client.bytesWritten, written]).toEqual([7, []]);
      client.end();
      expect(`${await all(client)}`).toBe('one two');
      expect(written).toEqual(['one']);
    });

    test('destroyed while connecting: close, and nothing else', async () => {
      const server = await listening();
      const client = net.connect(portOf(server), '127.0.0.1');
      const events = noted(client, 'connect', 'error', 'end');
      let unwritten: NodeJS.ErrnoException | null | undefined;
      client.write('never', (error) => {
        unwritten = error as NodeJS.ErrnoException;
      });
      client.destroy();
      expect(await closed(client)).toBe(false);
      await turn();
      expect(events).toEqual([]);
      expect(unwritten?.code).toBe('ERR_SOCKET_CLOSED_BEFORE_CONNECTION');
    });

    test('a signal destroys, at any stage', async () => {
      const server = await listening();
      for (const wait of [false, true]) {
        const stop = new AbortController();
        const client = new net.Socket({ signal: stop.signal });
        client.connect(portOf(server), '127.0.0.1');
        if (wait) await once(client, 'connect');
        stop.abort();
        expect(await failure(client)).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
      }
    });

    test('a socket can connect again', async () => {
      const server = await listening({}, (socket) => socket.end('again'));
      const client = new net.Socket();
      for (let count = 0; count < 3; count++) {
        client.connect(portOf(server), '127.0.0.1');
        const [bytes] = await once(client, 'data');
        expect(`${bytes}`).toBe('again');
        await closed(client);
      }
    });
  });

  describe('Socket: bytes', () => {
    test('both ways, counted', async () => {
      const { client, peer } = await pair();
      peer.on('data', (bytes) => peer.write(bytes));
      client.write('hello ');
      client.write(Buffer.from('world'));
      client.write(new Uint8Array([33]));
      let text = '';
      client.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      await until(() => text.length === 12);
      expect(text).toBe('hello world!');
      expect([client.bytesWritten, client.bytesRead]).toEqual([12, 12]);
      expect([peer.bytesWritten, peer.bytesRead]).toEqual([12, 12]);
    });

    test('encodings', async () => {
      const { client, peer } = await pair();
      client.write('00ff', 'hex');
      client.write('w6TDtg==', 'base64');
      client.end('é', 'latin1');
      expect((await all(peer)).toString('hex')).toBe('00ffc3a4c3b6e9');
    });

    test('what cannot be written throws', async () => {
      const { client } = await pair();
      for (const wrong of [5, {}, null]) {
        expect(() => client.write(wrong as never)).toThrow(
          expect.objectContaining({ name: 'TypeError' }),
        );
      }
    });

    test('large writes: false, then drain; every byte arrives', async () => {
      const { client, peer } = await pair();
      const bytes = Buffer.from(pattern(5_000_000));
      const got: Buffer[] = [];
      peer.on('data', (part) => got.push(part));
      let called = 0;
      expect(client.write(bytes, () => called++)).toBe(false);
      expect(client.writableNeedDrain).toBe(true);
      await once(client, 'drain');
      expect(called).toBe(1);
      await until(() => got.reduce((sum, part) => sum + part.length, 0) === bytes.length);
      expect(Buffer.concat(got).equals(bytes)).toBe(true);
      expect(client.bytesWritten).toBe(5_000_000);
    });

    test('cork gathers, uncork sends', async () => {
      const { client, peer } = await pair();
      const chunks: string[] = [];
      peer.on('data', (bytes) => chunks.push(`${bytes}`));
      client.cork();
      client.write('a');
      await turn();
      client.write('b');
      await turn();
      expect(chunks).toEqual([]);
      client.uncork();
      await until(() => chunks.length > 0);
      expect(chunks).toEqual(['ab']);
    });

    test('pause and resume', async () => {
      const { client, peer } = await pair();
      let got = 0;
      peer.on('data', (bytes) => {
        got += bytes.length;
      });
      peer.pause();
      client.write(Buffer.alloc(1_000_000));
      await turn();
      expect([got, peer.isPaused()]).toEqual([0, true]);
      peer.resume();
      await until(() => got === 1_000_000);
    });

    test('who does not read does not fill the memory', async () => {
      const { client, peer } = await pair();
      peer.on('readable', ignore);
      for (let count = 0; count < 40; count++) client.write(Buffer.alloc(1_000_000));
      await turn();
      await turn();
      expect(peer.readableLength).toBeLessThan(1_000_000);
      expect(client.writableLength).toBeGreaterThan(10_000_000);
      client.destroy();
    });

    test('iterated', async () => {
      const { client, peer } = await pair();
      client.end(pattern(100_000));
      let got = 0;
      for await (const part of peer) got += part.length;
      expect(got).toBe(100_000);
    });

    test('a buffer of the user receives', async () => {
      const buffer = Buffer.alloc(4);
      let text = '';
      const server = await listening({}, (socket) => socket.end('0123456789'));
      const client = net.connect({
        port: portOf(server),
        host: '127.0.0.1',
        onread: {
          buffer,
          callback: (count, given) => {
            expect(given).toBe(buffer);
            text += buffer.toString('latin1', 0, count);
            return true;
          },
        },
      });
      client.resume();
      await closed(client);
      expect(text).toBe('0123456789');
    });

    test('to a file and from a file', async () => {
      const bytes = pattern(2_000_000);
      const [source, target] = [fileOf(bytes), fileOf('')];
      const { client, peer } = await pair();
      const both = [
        pipeline(createReadStream(source), client),
        pipeline(peer, createWriteStream(target)),
      ];
      await until(() => peer.readableEnded);
      peer.end();
      await Promise.allSettled(both);
      expect(readFileSync(target).equals(bytes)).toBe(true);
    });
  });

  describe('Socket: the end', () => {
    test('not half-open: the other side ends by itself', async () => {
      const { client, peer } = await pair();
      const events = noted(peer, 'end', 'finish', 'close');
      peer.resume();
      client.resume();
      client.end('bye');
      expect(await closed(client)).toBe(false);
      await until(() => events.includes('close'));
      expect(events.sort()).toEqual(['close', 'end', 'finish']);
      expect([peer.destroyed, client.destroyed, client.readyState]).toEqual([true, true, 'closed']);
    });

    test('half-open: it goes on', async () => {
      const { client, peer } = await pair({ allowHalfOpen: true });
      peer.resume();
      client.end();
      await once(peer, 'end');
      expect([peer.readyState, peer.writable, client.readyState]).toEqual([
        'writeOnly',
        true,
        'readOnly',
      ]);
      peer.write('after ');
      await turn();
      peer.end('the end');
      expect(`${await all(client)}`).toBe('after the end');
    });

    test('writing after the peer has ended is EPIPE', async () => {
      const { client, peer } = await pair({ client: { allowHalfOpen: true } as object });
      client.resume();
      const error = failure(peer);
      let given: NodeJS.ErrnoException | null | undefined;
      const write = (): void => {
        peer.write('late', (each) => {
          given = each as NodeJS.ErrnoException;
        });
      };
      // Right behind the end that comes by itself.
      peer.once('end', () => process.nextTick(() => process.nextTick(write)));
      peer.resume();
      client.end();
      const { code, message } = await error;
      expect([code, message]).toEqual(['EPIPE', 'This socket has been ended by the other party']);
      expect(given?.code).toBe('EPIPE');
    });

    test('writing after our own end is an error', async () => {
      const { client } = await pair();
      client.end();
      const error = failure(client);
      client.write('late');
      expect(await error).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' });
    });

    test('destroy: close without end, and the error given', async () => {
      const { client, peer } = await pair();
      const events = noted(client, 'end', 'close');
      const error = failure(client);
      expect(client.destroy(new Error('mine'))).toBe(client);
      expect((await error).message).toBe('mine');
      await until(() => events.length > 0);
      expect(events).toEqual(['close']);
      peer.resume();
      if (!peer.destroyed) await closed(peer);
    });

    test('what was written right before destroy arrives', async () => {
      const { client, peer } = await pair();
      const heard = all(peer);
      client.write('this is ');
      client.write('why');
      client.destroy();
      expect(`${await heard}`).toBe('this is why');
      await until(() => client.closed);
    });

    test('destroySoon: when all was written', async () => {
      const { client, peer } = await pair();
      const bytes = Buffer.from(pattern(1_000_000));
      client.write(bytes);
      client.destroySoon();
      expect(client.destroyed).toBe(false);
      expect((await all(peer)).equals(bytes)).toBe(true);
      await until(() => client.destroyed);
    });

    test('a reset is ECONNRESET at the other end', async () => {
      const { client, peer } = await pair();
      peer.resume();
      const error = failure(peer);
      expect(client.resetAndDestroy()).toBe(client);
      expect(await closed(client)).toBe(false);
      const { code, syscall, errno, message } = await error;
      expect({ code, syscall, errno, message }).toEqual({
        code: 'ECONNRESET',
        syscall: 'read',
        errno: -104,
        message: 'read ECONNRESET',
      });
      const fresh = new net.Socket();
      const refused = failure(fresh);
      fresh.resetAndDestroy();
      expect(await refused).toMatchObject({ code: 'ERR_SOCKET_CLOSED' });
    });

    test('a reset before the connection is there comes when it is', async () => {
      let code: string | undefined;
      const server = await listening({}, (socket) => {
        socket.resume().on('error', (error: NodeJS.ErrnoException) => {
          ({ code } = error);
        });
      });
      const client = net.connect(portOf(server), '127.0.0.1');
      client.resetAndDestroy();
      await until(() => code !== undefined);
      expect(code).toBe('ECONNRESET');
    });

    test('addresses that were read stay, those that were not are gone', async () => {
      const { client, peer } = await pair();
      const { remotePort } = client;
      client.destroy();
      peer.destroy();
      await turn();
      expect(client.remotePort).toBe(remotePort);
      expect([peer.remoteAddress, peer.remotePort]).toEqual([undefined, undefined]);
    });
  });

  describe('Socket: time and options', () => {
    test('a timeout is told, and closes nothing', async () => {
      const { client, peer } = await pair();
      const events = noted(client, 'timeout', 'close');
      let called = 0;
      // So long that a machine with much else to do does not keep bytes back until it is over.
      expect(client.setTimeout(400, () => called++)).toBe(client);
      expect(client.timeout).toBe(400);
      const chatter = setInterval(() => peer.write('x'), 5);
      onTestFinished(() => clearInterval(chatter));
      client.resume();
      await until(() => client.bytesRead > 100);
      expect(events).toEqual([]);
      clearInterval(chatter);
      await until(() => events.length > 0);
      expect([events, called, client.destroyed]).toEqual([['timeout'], 1, false]);
      client.setTimeout(0);
      expect(client.timeout).toBe(0);
    });

    test('wrong timeouts throw', async () => {
      const { client } = await pair();
      expect(() => client.setTimeout('5' as never)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
      expect(() => client.setTimeout(-1)).toThrow(
        expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
      );
      expect(() => client.setTimeout(1, 'x' as never)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    });

    test('a timeout given to connect', async () => {
      const server = await listening();
      const client = net.connect({ port: portOf(server), host: '127.0.0.1', timeout: 20 });
      await once(client, 'timeout');
      client.destroy();
    });

    test('setters answer the socket, connected or not', async () => {
      const { client } = await pair();
      for (const socket of [client, new net.Socket()]) {
        expect(socket.setNoDelay()).toBe(socket);
        expect(socket.setNoDelay(false)).toBe(socket);
        expect(socket.setKeepAlive(true, 5000)).toBe(socket);
        expect(socket.unref().ref()).toBe(socket);
      }
    });

    test('isIP and its kin, BlockList, SocketAddress', () => {
      expect([net.isIP('::1'), net.isIP('1.2.3.4'), net.isIP('x')]).toEqual([6, 4, 0]);
      expect([net.isIPv4('1.2.3.4'), net.isIPv6('1.2.3.4')]).toEqual([true, false]);
      const list = new net.BlockList();
      list.addAddress('1.2.3.4');
      expect(list.check('1.2.3.4')).toBe(true);
      expect(new net.SocketAddress({ port: 5 }).port).toBe(5);
    });
  });
});
