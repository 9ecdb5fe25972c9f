/** Ends of streams: half-closed, reset, closed in flight. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Poll } from 'nearmetal/loop';
import type { OwnedFd } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { ECONNRESET, EPIPE, EPOLLIN, EPOLLOUT } from '../../lib/abi.js';
import { AGAIN_MS } from '../../lib/ring/cancels.js';
import { onEachBackend } from '../support/backends.js';
import { pattern, turn, until } from '../support/ring.js';
import { isOpen, listening, open, pair, sockets, Told, text } from './support.js';

onEachBackend((name) => {
  test('half-close: our side ends after what was sent, theirs goes on', async () => {
    const { client, server } = await pair(open(name));
    const bytes = pattern(1_000_000);
    client.stream.send(bytes);
    client.stream.end();
    client.stream.end();
    expect(() => client.stream.send(text('x'))).toThrow('ended');
    await until(() => server.told.ends === 1);
    expect(server.told.bytes.equals(bytes)).toBe(true);
    server.stream.send(text('still here'));
    await until(() => client.told.length === 10);
    server.stream.end();
    await until(() => client.told.ends === 1);
    expect([client.told.finishes, server.told.finishes]).toEqual([1, 1]);
    const numbers = [client.stream.socket.fd, server.stream.socket.fd];
    client.stream.close();
    server.stream.close();
    server.stream.close();
    expect([client.told.closes, server.told.closes]).toEqual([0, 0]);
    await until(() => client.told.closes + server.told.closes === 2);
    await turn();
    expect(client.told.end).toEqual({ ends: 1, failures: [], closes: 1 });
    expect(server.told.end).toEqual({ ends: 1, failures: [], closes: 1 });
    expect(numbers.map(isOpen)).toEqual([false, false]);
  });

  test('a reset is a failure, and closes', async () => {
    const { client, server } = await pair(open(name));
    client.stream.reset();
    await until(() => server.told.closes === 1);
    expect(server.told.end).toEqual({ ends: 0, failures: [-ECONNRESET], closes: 1 });
    expect(server.stream.socket.closed).toBe(true);
    await until(() => client.told.closes === 1);
    expect(client.told.end).toEqual({ ends: 0, failures: [], closes: 1 });
  });

  test('ending after a reset that nobody received fails nothing; receiving tells', async () => {
    const backend = open(name);
    const { client, server } = await sockets(backend);
    const told = new Told();
    const stream = backend.stream(server, told, { paused: true });
    backend.stream(client, new Told()).reset();
    await turn();
    stream.end();
    await until(() => told.finishes === 1);
    expect(told.failures).toEqual([]);
    stream.resume();
    await until(() => told.closes === 1);
    expect(told.end).toEqual({ ends: 0, failures: [-ECONNRESET], closes: 1 });
  });

  test('a reset is noticed after the end, when something is sent', async () => {
    const { client, server } = await pair(open(name));
    client.stream.end();
    await until(() => server.told.ends === 1);
    client.stream.close();
    for (let count = 0; count < 200 && server.told.closes === 0; count++) {
      if (!server.stream.socket.closed) server.stream.send(text('into the void'));
      await turn();
    }
    expect(server.told.closes).toBe(1);
    expect([-EPIPE, -ECONNRESET]).toContain(server.told.failures[0]);
    expect(server.told.failures).toHaveLength(1);
  });

  test('closing drops what was not sent, and tells nothing but the end', async () => {
    const backend = open(name);
    const { client, server } = await pair(backend);
    server.stream.pause();
    for (let count = 0; count < 100; count++) client.stream.send(pattern(100_000));
    await turn();
    client.stream.send(text('one more'));
    client.stream.close();
    expect(() => client.stream.send(text('x'))).toThrow('ended');
    // The number may be another's by now: it must get nothing.
    const others = await Promise.all([pair(backend), pair(backend), pair(backend)]);
    await until(() => client.told.closes === 1);
    expect(client.told).toMatchObject({ ends: 0, failures: [], drains: 0 });
    await turn();
    for (const other of others) {
      expect([other.server.told.length, other.client.told.length]).toEqual([0, 0]);
    }
    server.stream.close();
    await until(() => server.told.closes === 1);
  });

  test('a socket closed under its stream, or a listener under its acceptor, ends it', async () => {
    const backend = open(name);
    const { client, server } = await pair(backend);
    const acceptor = { connection: () => undefined, failed: () => undefined };
    const { listener } = listening();
    backend.accept(listener, acceptor);
    client.stream.send(text('not sent yet'));
    client.stream.socket.close();
    expect(() => client.stream.send(text('x'))).toThrow('ended');
    listener.close();
    await until(() => client.told.closes === 1);
    await until(() => server.told.ends + server.told.failures.length === 1);
    server.stream.socket.close();
    await until(() => backend.active === 0);
    client.stream.close();
    await turn();
    expect(client.told).toMatchObject({ ends: 0, failures: [], closes: 1 });
    expect(server.told.closes).toBe(1);
  });

  test('closed and paused inside its own callbacks', async () => {
    const { client, server } = await pair(open(name));
    server.told.onReceived = () => {
      server.stream.send(text('never'));
      server.stream.close();
    };
    client.stream.send(text('x'));
    await until(() => server.told.closes === 1);
    await until(() => client.told.ends + client.told.failures.length > 0);
    expect(client.told.length).toBe(0);
    expect(server.told.end).toEqual({ ends: 0, failures: [], closes: 1 });
  });

  test('a poll given up while its other side comes ends nobody in its place', async () => {
    const backend = open(name);
    const { client, server } = await sockets(backend);
    backend.stream(client, new Told()).send(text('x'));
    const ready = (socket: OwnedFd, events: number): Promise<Poll> =>
      new Promise((resolve) => {
        const poll = backend.poll(socket, () => {
          poll.cancel();
          resolve(poll);
        });
        poll.wait(events);
      });
    await ready(server, EPOLLIN);
    // Both are true already, and told together.
    await ready(server, EPOLLIN | EPOLLOUT);
    const pairs = await Promise.all([1, 2, 3, 4].map(() => sockets(backend)));
    const waiting = pairs.map((each) => ready(each.server, EPOLLIN));
    // Whoever is to end is asked again meanwhile.
    await pause(5 * AGAIN_MS);
    for (const each of pairs) backend.stream(each.client, new Told()).send(text('x'));
    await Promise.all(waiting);
  });
});
