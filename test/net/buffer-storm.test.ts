/** More is there at once than a backend has buffers for: each face gets all of it, in order. */
import { createHash, type Hash } from 'node:crypto';
import { writeSync } from 'node:fs';

import {
  addressOf,
  type Connection,
  type InternetAddress,
  Listener,
  listen,
  Socket,
  serve,
} from 'nearmetal/net';
import type { OwnedFd } from 'nearmetal/ring';
import { expect, onTestFinished, test, vi } from 'vitest';
import { SHUT_WR } from '../../lib/abi.js';
import type { Backend } from '../../lib/loop/backend.js';
import { RingBackend } from '../../lib/loop/ring-backend.js';
import { sharedBackend } from '../../lib/loop/shared-backend.js';
import { native } from '../../lib/native.js';
import { onEachBackend } from '../support/backends.js';
import { openRing, pattern, until } from '../support/ring.js';
import { openSocket } from '../support/socket.js';

/** 16 KiB in a buffer, 1024 of these at the most. */
const CONNECTIONS = 500;
const BYTES = 50_000;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const sent = Array.from({ length: CONNECTIONS }, (_, index) => pattern(BYTES, index + 1));
const right = sent.map(hashOf).sort();

/** How often receives are begun on these backends; undefined where there is nothing to begin. */
function counted(backends: readonly Backend[]): () => number | undefined {
  const spies = backends
    .filter((backend) => backend instanceof RingBackend)
    .map((backend) => vi.spyOn(backend, 'receiveOn'));
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
  if (spies.length === 0) return () => undefined;
  return () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
}

/** Each connection once, once for each buffer that it fills, and some in vain. */
function expectFew(begun: number | undefined): void {
  if (begun === undefined) return;
  expect(begun).toBeGreaterThan(CONNECTIONS);
  expect(begun).toBeLessThan(2 * CONNECTIONS + 2 * CONNECTIONS * Math.ceil(BYTES / 16_384));
}

/** All clients have said everything, and ended, before anybody looks. */
async function clients(listener: OwnedFd): Promise<OwnedFd[]> {
  const ring = openRing();
  const address = addressOf(listener) as InternetAddress;
  const all: OwnedFd[] = [];
  for (const _ of sent) {
    const socket = openSocket('inet');
    onTestFinished(() => socket.close());
    await ring.connect(socket, address);
    all.push(socket);
  }
  return all;
}

function sayAll(sockets: readonly OwnedFd[]): void {
  sockets.forEach((socket, index) => {
    expect(writeSync(socket.fd, sent[index] as Uint8Array)).toBe(BYTES);
    native.shutdown(socket.fd, SHUT_WR);
  });
}

onEachBackend((backend) => {
  test('handlers', async () => {
    const begun = counted([sharedBackend(backend, true).backend]);
    const listener = listen({ backlog: 1024 });
    sayAll(await clients(listener));
    const hashes: string[] = [];
    const serving = serve<Hash>({
      listener,
      backend,
      open: (connection) => {
        connection.state = createHash('sha256');
      },
      data: (connection, received) => void connection.state?.update(received.bytes),
      end: (connection) => void hashes.push(connection.state?.digest('hex') as string),
    });
    await until(() => hashes.length === CONNECTIONS);
    await serving.stop();
    expect(hashes.sort()).toEqual(right);
    expectFew(begun());
  });

  test('loops', async () => {
    const begun = counted([
      sharedBackend(backend, true).backend,
      sharedBackend(backend, false).backend,
    ]);
    const socket = listen({ backlog: 1024 });
    const listener = Listener.open({ backend, listener: socket });
    const sockets = await clients(socket);
    const connections = await Promise.all(sockets.map(() => listener.accept()));
    sayAll(sockets);
    const hashes = await Promise.all(
      connections.map(async (connection) => {
        const hash = createHash('sha256');
        for await (const part of connection as Connection) {
          hash.update(part);
          // Who takes their time holds up nobody.
          await new Promise((resolve) => setImmediate(resolve));
        }
        return hash.digest('hex');
      }),
    );
    listener.close();
    expect(hashes.sort()).toEqual(right);
    expectFew(begun());
  });

  test('the face of node:net', async () => {
    const begun = counted([sharedBackend(backend, false).backend]);
    const listener = listen({ backlog: 1024 });
    onTestFinished(() => listener.close());
    const ring = openRing();
    const accepted: OwnedFd[] = [];
    const accepting = (async () => {
      for (const _ of sent) accepted.push(await ring.accept(listener));
    })();
    const clientSockets = await clients(listener);
    await accepting;
    sayAll(clientSockets);
    const hashes = await Promise.all(
      accepted.map(async (server) => {
        const socket = new Socket({ fd: server.release(), backend });
        const hash = createHash('sha256');
        socket.on('data', (part: Buffer) => void hash.update(part));
        await new Promise((resolve) => void socket.once('close', resolve));
        return hash.digest('hex');
      }),
    );
    expect(hashes.sort()).toEqual(right);
    expectFew(begun());
  });
});
