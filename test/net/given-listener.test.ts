/** `serve` on a socket that listens already: it takes its share, and leaves the rest to others. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { dup } from 'nearmetal/fd';
import { addressOf, type InternetAddress, listen, serve } from 'nearmetal/net';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { expectRefusal, TYPE, until, VALUE } from '../support/ring.js';
import { descriptors } from '../support/sockets.js';

const ignore = (): void => undefined;

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

onEachBackend((backend) => {
  test('one server after the other on copies of a socket: no connection is lost', async () => {
    const listener = listen();
    onTestFinished(() => listener.close());
    const { port } = addressOf(listener) as InternetAddress;
    const accepted: number[] = [];
    const start = () =>
      serve({
        backend,
        listener: dup(listener),
        data: (connection, received) => void connection.write(received),
      });
    let serving = start();
    let running = true;
    let answered = 0;
    const clients = Array.from({ length: 8 }, async (_, client) => {
      for (let turn = 0; running; turn++) {
        const word = `${client} ${turn}`;
        expect(await said(port, word)).toBe(word);
        answered++;
      }
    });
    const open = descriptors();
    for (let turn = 1; turn <= 20; turn++) {
      await until(() => answered >= turn * 20);
      const next = start();
      await serving.drain();
      expect(serving.connections.size).toBe(0);
      accepted.push(serving.stats.accepted);
      serving = next;
    }
    running = false;
    await Promise.all(clients);
    await serving.stop();
    expect(accepted.reduce((sum, count) => sum + count, serving.stats.accepted)).toBe(answered);
    expect(descriptors()).toBeLessThanOrEqual(open + 8);
  });

  test('what waits in the backlog waits for the next server', async () => {
    using listener = listen();
    const { port } = addressOf(listener) as InternetAddress;
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
});

test('a listener is a descriptor, and everything about it has been chosen already', () => {
  using listener = listen();
  expectRefusal(() => serve({ listener: 5 as never, data: ignore }), TYPE, 'listener');
  expectRefusal(() => serve({ listener, port: 1, data: ignore }), VALUE, 'port');
  const gone = listen();
  gone.close();
  expectRefusal(() => serve({ listener: gone, data: ignore }), TYPE, 'listener');
  expect(listener.closed).toBe(false);
});
