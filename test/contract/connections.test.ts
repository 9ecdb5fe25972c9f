/** Connections: made, refused, taken and given up. */
import { closeSync, openSync } from 'node:fs';
import { openSocket, type Stream } from 'nearmetal/loop';
import { listen } from 'nearmetal/net';
import type { OwnedFd } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { ECANCELED, ECONNREFUSED, EMFILE } from '../../lib/abi.js';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { turn, until } from '../support/ring.js';
import { connected, listening, open, Told, text } from './support.js';

onEachBackend((name) => {
  test('many are accepted, and each gets its own bytes back', async () => {
    needs('files:450');
    const backend = open(name);
    const { listener, address } = listening({ backlog: 512 });
    backend.accept(listener, {
      connection: (socket) => {
        const stream: Stream = backend.stream(socket, {
          received: (bytes, length) => void stream.send(bytes, 0, length),
          ended: () => stream.end(),
          drained: () => undefined,
          failed: () => undefined,
          closed: () => undefined,
        });
      },
      failed: (result) => expect(result).toBe(0),
    });
    const clients = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const socket = openSocket(address);
        expect(await connected(backend, socket, address)).toBe(0);
        const told = new Told();
        const stream = backend.stream(socket, told);
        stream.send(text(`client ${index}`));
        stream.end();
        return { told, stream, index };
      }),
    );
    await until(() => clients.every(({ told }) => told.ends === 1));
    for (const { told, stream, index } of clients) {
      expect(`${told.bytes}`).toBe(`client ${index}`);
      stream.close();
    }
    await until(() => clients.every(({ told }) => told.closes === 1));
  });

  test('connecting: refused, and given up', async () => {
    const backend = open(name);
    const { listener, address } = listening({ backlog: 0 });
    const full: OwnedFd[] = [];
    const results: number[] = [];
    // Two fit the backlog; those behind them get no answer.
    for (let count = 0; count < 4; count++) {
      const socket = openSocket(address);
      onTestFinished(() => socket.close());
      full.push(socket);
      const pending = backend.connect(socket, address, (result) => results.push(result));
      if (count === 3) setTimeout(() => pending.cancel(), 20);
    }
    await until(() => results.includes(-ECANCELED));
    expect(results.filter((result) => result === -ECANCELED)).toHaveLength(1);
    const closed = openSocket(address);
    const given = connected(backend, closed, address);
    await turn();
    closed.close();
    expect(await given).toBe(-ECANCELED);
    listener.close();
    const refused = openSocket(address);
    expect(await connected(backend, refused, address)).toBe(-ECONNREFUSED);
    refused.close();
  });

  test('over a Unix socket', async () => {
    const backend = open(name);
    const path = `\0nearmetal-contract-${process.pid}-${name}`;
    const listener = listen({ path });
    onTestFinished(() => listener.close());
    const accepted: OwnedFd[] = [];
    backend.accept(listener, {
      connection: (socket) => accepted.push(socket),
      failed: () => undefined,
    });
    const socket = openSocket({ path });
    const done = new Promise<number>((resolve) => backend.connect(socket, { path }, resolve));
    expect(await done).toBe(0);
    await until(() => accepted.length === 1);
    const told = new Told();
    backend.stream(accepted[0] as OwnedFd, told);
    backend.stream(socket, new Told()).send(text('over a path'));
    await until(() => told.length === 11);
    const missing = openSocket({ path: '/nonexistent/socket' });
    const result = await new Promise<number>((resolve) => {
      backend.connect(missing, { path: '/nonexistent/socket' }, resolve);
    });
    expect(result).toBe(-2);
    missing.close();
  });

  test('without a descriptor accepting waits, and goes on when there are some', async () => {
    const backend = open(name);
    const { listener, address } = listening();
    const sockets: OwnedFd[] = [];
    const failures: number[] = [];
    const acceptor = backend.accept(listener, {
      connection: (socket) => sockets.push(socket),
      failed: (result) => failures.push(result),
    });
    const clients = [1, 2, 3].map(() => openSocket(address));
    const hoard: number[] = [];
    try {
      for (;;) hoard.push(openSync('/dev/null', 'r'));
    } catch (error) {
      expect(error).toMatchObject({ code: 'EMFILE' });
    }
    const results = Promise.all(clients.map((socket) => connected(backend, socket, address)));
    await until(() => failures.length >= 2);
    expect(sockets).toHaveLength(0);
    for (const fd of hoard) closeSync(fd);
    expect(await results).toEqual([0, 0, 0]);
    await until(() => sockets.length === 3);
    expect(new Set(failures)).toEqual(new Set([-EMFILE]));
    acceptor.close();
    for (const socket of [...sockets, ...clients]) socket.close();
  });

  test('a closed acceptor takes nobody; a closed listener ends it', async () => {
    const backend = open(name);
    const { listener, address } = listening();
    let connections = 0;
    const events = { connection: () => connections++, failed: () => undefined };
    backend.accept(listener, events).close();
    backend.accept(listener, events).close();
    const socket = openSocket(address);
    expect(await connected(backend, socket, address)).toBe(0);
    await turn();
    expect(connections).toBe(0);
    const last = backend.accept(listener, events);
    await until(() => connections === 1);
    listener.close();
    await turn();
    last.close();
    await until(() => backend.active === 0);
    socket.close();
  });
});
