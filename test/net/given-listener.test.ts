/** Sockets that listen already: who is given one takes a share, and leaves the rest to others. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { dup, setFlags } from 'nearmetal/fd';
import { openSocket } from 'nearmetal/loop';
import {
  addressOf,
  type Connection,
  createServer,
  getSocketOption,
  type InternetAddress,
  Listener,
  listen,
  serve,
} from 'nearmetal/net';
import type { OwnedFd } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { passes } from '../support/process.js';
import { expectRefusal, TYPE, until, VALUE } from '../support/ring.js';
import { descriptors } from '../support/sockets.js';

const ignore = (): void => undefined;
const portOf = (listener: OwnedFd): number => (addressOf(listener) as InternetAddress).port;

/** Says one word, and answers what came back before the end. */
function said(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    let back = '';
    socket.on('error', reject).on('data', (part) => {
      back += part;
    });
    socket.on('end', () => resolve(back));
    socket.end(word);
  });
}

/** Connected, and saying nothing. */
async function silent(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', ignore).resume();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Eight clients that go on asking, each answer being right. */
function crowd(port: number) {
  const state = { answered: 0, running: true };
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let turn = 0; state.running; turn++) {
      const word = `${client} ${turn}`;
      expect(await said(port, word)).toBe(word);
      state.answered++;
    }
  });
  const end = async (): Promise<number> => {
    state.running = false;
    await Promise.all(clients);
    return state.answered;
  };
  return { state, end };
}

async function echo(connection: Connection | undefined): Promise<void> {
  for await (const bytes of connection as Connection) await connection?.write(bytes);
  await connection?.end();
}

onEachBackend((backend) => {
  test('one server after the other on copies of a socket: no connection is lost', async () => {
    using listener = listen();
    const accepted: number[] = [];
    const start = () =>
      serve({
        backend,
        listener: dup(listener),
        data: (connection, received) => void connection.write(received),
      });
    let serving = start();
    const { state, end } = crowd(portOf(listener));
    const open = descriptors();
    for (let turn = 1; turn <= 20; turn++) {
      await until(() => state.answered >= turn * 20);
      const next = start();
      await serving.drain();
      expect(serving.connections.size).toBe(0);
      accepted.push(serving.stats.accepted);
      serving = next;
    }
    const answered = await end();
    await serving.stop();
    expect(accepted.reduce((sum, count) => sum + count, serving.stats.accepted)).toBe(answered);
    expect(descriptors()).toBeLessThanOrEqual(open + 8);
  });

  test('one loop after the other on copies of a socket: no connection is lost', async () => {
    using listener = listen();
    let taken = 0;
    const start = () => {
      const listening = Listener.open({ backend, listener: dup(listener) });
      const ended = (async () => {
        for await (const connection of listening) {
          taken++;
          void echo(connection);
        }
      })();
      return { listening, ended };
    };
    let serving = start();
    const { state, end } = crowd(portOf(listener));
    for (let turn = 1; turn <= 20; turn++) {
      await until(() => state.answered >= turn * 20);
      const next = start();
      await serving.listening.drain();
      await serving.ended;
      serving = next;
    }
    expect(await end()).toBe(taken);
    serving.listening.close();
    await serving.ended;
    await serving.listening.closed;
  });

  test('what a listener took and nobody had is closed with it; the next one goes on', async () => {
    using listener = listen();
    const port = portOf(listener);
    const warm = Listener.open({ backend, listener: dup(listener) });
    await warm[Symbol.asyncDispose]();
    const before = descriptors();
    const listening = Listener.open({ backend, listener: dup(listener) });
    const sockets = await Promise.all(Array.from({ length: 5 }, () => silent(port)));
    // The copy, and both ends of each connection: all have been accepted.
    await until(() => descriptors() === before + 1 + 2 * 5);
    const had = await listening.accept();
    const closing = sockets.map((socket) => once(socket, 'close'));
    listening.close();
    listening.close();
    expect(listening.listening).toBe(false);
    await listening.closed;
    expect(await listening.accept()).toBeUndefined();
    had?.close();
    await Promise.all(closing);
    await until(() => descriptors() === before);
    await using next = Listener.open({ backend, listener: dup(listener) });
    expect(next.port).toBe(port);
    void next.accept().then(echo);
    expect(await said(port, 'still here')).toBe('still here');
  });

  test('closing in a storm, while others accept: each connection is served or ended', async () => {
    using listener = listen();
    const port = portOf(listener);
    const staying = serve({
      backend,
      listener: dup(listener),
      data: (connection, received) => void connection.write(received),
    });
    await said(port, 'warm');
    const before = descriptors();
    let served = 0;
    let running = true;
    const clients = Array.from({ length: 16 }, async () => {
      while (running) {
        // A reset: what was said had come, and nobody had read it.
        const back = await said(port, 'word').catch(({ code }) => String(code));
        if (back === 'word') served++;
        else expect(['', 'ECONNRESET', 'EPIPE']).toContain(back);
      }
    });
    for (let round = 0; round < 40; round++) {
      const passing = Listener.open({ backend, listener: dup(listener) });
      for (let count = 0; count < round % 8; count++) await new Promise(setImmediate);
      await passing[Symbol.asyncDispose]();
    }
    running = false;
    await Promise.all(clients);
    expect(served).toBeGreaterThan(0);
    await until(() => descriptors() <= before);
    await staying.stop();
  });

  test('what waits in the backlog waits for the next server', async () => {
    using listener = listen();
    const port = portOf(listener);
    const first = serve({ backend, listener: dup(listener), data: ignore });
    expect(first.port).toBe(port);
    await first.stop();
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.end('word');
    const second = serve({
      backend,
      listener: dup(listener),
      data: (connection, received) => void connection.end(received),
    });
    onTestFinished(() => second.stop());
    expect(`${(await once(socket, 'data'))[0]}`).toBe('word');
  });

  test('a socket that would wait, as those of systemd: it does not stop the thread', async () => {
    const blocking = (listener: OwnedFd): OwnedFd => {
      setFlags(listener, { nonblock: false });
      return dup(listener);
    };
    using listener = listen();
    const port = portOf(listener);
    const data = (
      connection: { end(bytes: Uint8Array): void },
      received: { copy(): Uint8Array },
    ): void => connection.end(received.copy());
    const serving = serve({ backend, listener: blocking(listener), data });
    expect(await said(port, 'served')).toBe('served');
    await serving.stop();
    const listening = Listener.open({ backend, listener: blocking(listener) });
    void listening.accept().then(echo);
    expect(await said(port, 'in a loop')).toBe('in a loop');
    await listening[Symbol.asyncDispose]();
    const server = createServer({ backend }, (socket) => socket.pipe(socket));
    server.listen({ fd: blocking(listener).release() });
    expect(await said(port, 'as in node:net')).toBe('as in node:net');
    server.close();
    await once(server, 'close');
  });

  test('its connections have noDelay, unless that is not wanted', async () => {
    for (const noDelay of [undefined, false]) {
      using listener = listen();
      const options = noDelay === undefined ? { backend } : { backend, noDelay };
      await using listening = Listener.open({ ...options, listener: dup(listener) });
      const socket = await silent(portOf(listener));
      using connection = await listening.accept();
      expect(getSocketOption((connection as Connection).socket, 'noDelay')).toBe(noDelay ?? true);
      socket.destroy();
    }
  });

  test('draining: what was accepted before is still given, then the loop ends', async () => {
    await using listening = Listener.open({ backend });
    const before = descriptors();
    const sockets = await Promise.all(
      Array.from({ length: 3 }, () => silent(listening.port as number)),
    );
    await until(() => descriptors() === before + 2 * 3);
    await listening.drain();
    let taken = 0;
    for await (const connection of listening) {
      taken++;
      connection.close();
    }
    expect(taken).toBe(3);
    for (const socket of sockets) socket.destroy();
    await expect(silent(listening.port as number)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('workers that are stopped while they accept: others on the socket take what comes', () =>
    passes('net', ['sharing', backend]));
});

test('a listener is a descriptor that listens, of which everything else is chosen', () => {
  using listener = listen();
  for (const open of [
    (options: object) => serve({ ...options, data: ignore }),
    (options: object) => Listener.open(options),
  ]) {
    expectRefusal(() => open({ listener: 5 }), TYPE, 'listener');
    expectRefusal(() => open({ listener, port: 1 }), VALUE, 'port');
    const gone = listen();
    gone.close();
    expectRefusal(() => open({ listener: gone }), TYPE, 'listener');
    using idle = openSocket({ host: '127.0.0.1', port: 1 });
    expectRefusal(() => open({ listener: idle }), VALUE, 'listener');
    expect(idle.closed).toBe(false);
  }
  expect(listener.closed).toBe(false);
});
