/** What goes wrong: no descriptors, peers that vanish, storms while closing; on both backends. */
import { createHash, type Hash } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import {
  type AddressInfo,
  addressOf,
  connect,
  createServer,
  type InternetAddress,
  listen,
  type Server,
  Socket,
  serve,
} from 'nearmetal/net';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { passes } from '../support/process.js';
import { openRing, pattern, turn, until } from '../support/ring.js';
import { uncaughtErrors } from '../support/thrown.js';

const ignore = (): void => undefined;
const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Takes every descriptor but `left` of them, for as long as `call` runs. */
async function withoutDescriptors(left: number, call: () => Promise<void>): Promise<void> {
  const hoard: number[] = [];
  try {
    for (;;) hoard.push(openSync('/dev/null', 'r'));
  } catch {
    // That was the last.
  }
  for (const fd of hoard.splice(0, left)) closeSync(fd);
  try {
    await call();
  } finally {
    for (const fd of hoard) closeSync(fd);
  }
}

onEachBackend((backend) => {
  async function listening(listener: (socket: Socket) => void): Promise<Server> {
    const sockets = new Set<Socket>();
    const server = createServer({ backend }, (socket) => {
      sockets.add(socket.on('error', ignore).on('close', () => sockets.delete(socket)));
      listener(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return server;
  }

  const client = (port: number): Socket =>
    connect({ port, host: '127.0.0.1', backend }).on('error', ignore);

  test('without descriptors connections wait, and are served when there are some', async () => {
    let accepted = 0;
    const server = await listening((socket) => {
      accepted++;
      socket.end('late');
    });
    server.on('error', (error) => expect(error).toBeUndefined());
    const handlers = serve({ backend, data: ignore, open: (connection) => connection.end('late') });
    onTestFinished(() => handlers.stop());
    let sockets: Socket[] = [];
    // Enough for those who connect.
    await withoutDescriptors(2, async () => {
      sockets = [portOf(server), handlers.port as number].map(client);
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      for (let count = 0; count < 10; count++) await turn();
    });
    for (const socket of sockets) {
      const text: Buffer[] = [];
      for await (const part of socket) text.push(part);
      expect(`${Buffer.concat(text)}`).toBe('late');
    }
    expect(accepted).toBe(1);
  });

  test('a socket that gets no descriptor says so', async () => {
    const server = await listening(ignore);
    let socket: Socket | undefined;
    let failed: NodeJS.ErrnoException | undefined;
    await withoutDescriptors(0, async () => {
      socket = connect({ port: portOf(server), host: '127.0.0.1', backend });
      socket.on('error', (error) => {
        failed = error;
      });
      await until(() => failed !== undefined);
    });
    expect(failed).toMatchObject({ code: 'EMFILE', syscall: 'connect' });
  });

  test('a large buffer in one write: every byte, and little memory', async () => {
    const bytes = Buffer.from(pattern(128 * 1024 * 1024));
    const hash = createHash('sha256');
    let got = 0;
    const server = await listening((socket) => {
      socket.on('data', (part) => {
        hash.update(part);
        got += part.length;
      });
    });
    const before = process.memoryUsage.rss();
    const socket = client(portOf(server));
    let most = before;
    const watching = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    let done = false;
    socket.write(bytes, () => {
      done = true;
    });
    expect(socket.bytesWritten).toBe(bytes.length);
    await until(() => done && got === bytes.length);
    clearInterval(watching);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    // What is received is garbage by and by; a second copy of the buffer would be on top of it.
    // (The sanitizer keeps what is freed.)
    const limitMiB = process.env.NEARMETAL_SANITIZED ? 512 : 110;
    expect(most - before).toBeLessThan(limitMiB * 1024 * 1024);
    socket.destroy();
  });

  test('mixed traffic on many connections, hash by hash', async () => {
    const server = await listening((socket) => {
      socket.on('data', (part) => {
        if (socket.write(part)) return;
        socket.pause();
        socket.once('drain', () => socket.resume());
      });
    });
    let seed = 1;
    const random = (most: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % most;
    };
    const source = Buffer.from(pattern(1_000_000));
    async function exchange(): Promise<void> {
      const socket = client(portOf(server));
      const [sent, got]: Hash[] = [createHash('sha256'), createHash('sha256')];
      const reading = (async () => {
        for await (const part of socket) {
          got!.update(part);
          if (random(20) === 0) await turn();
        }
      })();
      for (let count = 0; count < 60; count++) {
        const size = [1, 7, 100, 5000, 70_000, 400_000][random(6)] as number;
        const from = random(source.length - size);
        const part = source.subarray(from, from + size);
        sent!.update(part);
        if (!socket.write(part)) await once(socket, 'drain');
      }
      socket.end();
      await reading;
      expect(got!.digest('hex')).toBe(sent!.digest('hex'));
    }
    await Promise.all(Array.from({ length: 8 }, exchange));
  });

  test('a reset in the middle of what is sent', async () => {
    const errors: (string | undefined)[] = [];
    const server = await listening((socket) => {
      socket.on('error', ({ code }: NodeJS.ErrnoException) => errors.push(code));
      socket.write(Buffer.alloc(20_000_000));
    });
    for (let count = 0; count < 5; count++) {
      const socket = client(portOf(server));
      await once(socket, 'data');
      socket.resetAndDestroy();
      await until(() => errors.length > count);
    }
    expect(errors.filter((code) => code !== 'ECONNRESET' && code !== 'EPIPE')).toEqual([]);
  });

  test('a storm of connections while the server closes leaves nothing', async () => {
    // Whatever is opened once and for all is open by now.
    await listening(ignore);
    await turn();
    const before = descriptors();
    for (let round = 0; round < 3; round++) {
      const server = createServer({ backend }, (socket) => {
        socket.on('error', ignore).resume();
        socket.end('hello');
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const sockets = Array.from({ length: 150 }, () => client(portOf(server)).resume());
      await once(server, 'connection');
      const closed = once(server, 'close');
      server.close();
      await Promise.all(sockets.map((socket) => (socket.destroyed ? undefined : closing(socket))));
      await closed;
    }
    await until(() => descriptors() <= before);
  });

  test('descriptors that exist already, for a server and for a socket', async () => {
    const server = createServer({ backend }, (socket) => {
      socket.on('error', ignore).pipe(socket);
    });
    const listener = listen({ host: '127.0.0.1' });
    const { port } = addressOf(listener) as InternetAddress;
    server.listen({ fd: listener.release() });
    await once(server, 'listening');
    expect(server.address()).toEqual({ address: '127.0.0.1', family: 'IPv4', port });
    const ring = openRing();
    const connected = await ring.socket('inet');
    await ring.connect(connected, { host: '127.0.0.1', port });
    await ring.close();
    const socket = new Socket({ fd: connected.release(), backend, allowHalfOpen: true });
    expect([socket.pending, socket.remotePort]).toEqual([false, port]);
    socket.end('by number');
    expect(`${(await once(socket, 'data'))[0]}`).toBe('by number');
    server.close();
    await closing(socket);
    expect(() => new Socket({ fd: -1 })).toThrow('fd');
  });

  const closing = (socket: Socket): Promise<void> =>
    new Promise((resolve) => void socket.once('close', () => resolve()));

  test('a listener that throws is told once, and costs nobody else anything', async () => {
    const uncaught = uncaughtErrors();
    const server = await listening((socket) => {
      socket.on('data', (part) => {
        if (`${part}` === 'bad') throw new Error('a bug');
        socket.write(part);
      });
    });
    const [bad, good] = [client(portOf(server)), client(portOf(server))];
    bad.write('bad');
    await until(() => uncaught.length > 0);
    good.write('good');
    expect(`${(await once(good, 'data'))[0]}`).toBe('good');
    bad.write('well');
    expect(`${(await once(bad, 'data'))[0]}`).toBe('well');
    expect(uncaught.map(({ message }) => message)).toEqual(['a bug']);
    bad.destroy();
    good.destroy();
  });

  test('channels tell of accept, connect, error and close', async () => {
    // What earlier tests have closed is told of by then.
    for (let count = 0; count < 4; count++) await turn();
    const told: string[] = [];
    const names = ['accept', 'connect', 'error', 'close'].map((name) => `nearmetal.net.${name}`);
    const note = (message: unknown, name: string | symbol): void => {
      const keys = Object.keys(message as object).filter(
        (key) => (message as Record<string, unknown>)[key] !== undefined,
      );
      told.push(`${String(name).split('.').at(-1)} ${keys.join(' ')}`);
    };
    for (const name of names) subscribe(name, note);
    onTestFinished(() => {
      for (const name of names) unsubscribe(name, note);
    });
    const server = await listening((socket) => socket.resume());
    const socket = client(portOf(server));
    await once(socket, 'connect');
    await until(() => told.length >= 2);
    socket.resetAndDestroy();
    await until(() => told.length >= 5);
    expect(told.sort()).toEqual([
      'accept server connection',
      'close connection',
      'close connection',
      'connect connection',
      'error connection error',
    ]);
  });

  test('what is left open keeps the process alive, or not', () =>
    passes('net', ['alive', backend]));
  test('what was written before process.exit() arrives', () => passes('net', ['exit', backend]));
  test('workers that are stopped with live connections', () => passes('net', ['workers', backend]));
  test('more connections than descriptors: those who wait are served when others leave', () =>
    passes('net-crowd', ['crowd', backend, process.env.NEARMETAL_CROWD ?? '1000']));
  test('idle connections cost little', () => passes('net-idle', ['idle', backend]));
  test.each([
    ['for a while: not a byte is lost or out of place', 'back'],
    ['for good: both ends are told in the time they have set', 'away'],
  ])('the network is cut %s', (_, how) =>
    passes('net-cut', [how, backend], { under: ['unshare', '-n'] }),
  );
});
