/** `Listener` and `Connection`: promises and loops; over both backends. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Connection, type InternetAddress, Listener } from 'nearmetal/net';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import {
  expectRefusal,
  folder,
  later,
  pattern,
  RANGE,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';
import { descriptors } from '../support/sockets.js';

onEachBackend((backend) => {
  function listening(options: object = {}): Listener {
    const listener = Listener.open({ backend, ...options });
    onTestFinished(() => listener.close());
    return listener;
  }

  async function pair(): Promise<{ client: Connection; peer: Connection; listener: Listener }> {
    const listener = listening();
    const { port } = listener;
    const opening = Connection.open({ host: '127.0.0.1', port: port as number, backend });
    const [client, peer] = await Promise.all([opening, listener.accept()]);
    onTestFinished(() => {
      client.close();
      peer?.close();
    });
    return { client, peer: peer as Connection, listener };
  }

  async function all(connection: Connection): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of connection) parts.push(part);
    return Buffer.concat(parts);
  }

  test('an echo in two loops', async () => {
    const listener = listening();
    const serving = (async () => {
      for await (const connection of listener) {
        void (async () => {
          for await (const bytes of connection) await connection.write(bytes);
          await connection.end();
          connection.close();
        })();
      }
    })();
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => echoed(listener, pattern(300_000, seed))),
    );
    expect(clients.every(({ sent, got }) => got.equals(sent))).toBe(true);
    listener.close();
    await serving;

    async function echoed(at: Listener, sent: Uint8Array) {
      await using connection = await Connection.open({
        host: 'localhost',
        port: at.port as number,
        backend,
      });
      const [got] = await Promise.all([
        all(connection),
        connection.write(sent).then(() => connection.end()),
      ]);
      return { sent, got };
    }
  });

  test('write waits for a peer that does not read, which is not read from either', async () => {
    const { client, peer } = await pair();
    let written = 0;
    const writing = (async () => {
      for (let count = 0; count < 200; count++) {
        await client.write(new Uint8Array(100_000));
        written++;
      }
      await client.end();
    })();
    let before = -1;
    while (written !== before) {
      before = written;
      for (let count = 0; count < 5; count++) await turn();
    }
    expect(written).toBeLessThan(200);
    expect(peer.bytesReceived).toBe(0);
    expect((await all(peer)).length).toBe(20_000_000);
    await writing;
  });

  test('bytes are read into memory of the reader', async () => {
    const { client, peer } = await pair();
    const target = new Uint8Array(10);
    const reading = client.read(target);
    const sent = pattern(30_000);
    await peer.write(sent);
    const first = (await reading) as Uint8Array;
    expect(first.buffer).toBe(target.buffer);
    const parts = [Buffer.from(first)];
    for (let got = first.length; got < sent.length; got += parts.at(-1)?.length ?? 0) {
      const room = new Uint8Array(1 + (got % 4096));
      const part = (await client.read(got % 3 === 0 ? undefined : room)) as Uint8Array;
      if (got % 3 !== 0) expect(part.buffer).toBe(room.buffer);
      parts.push(Buffer.from(part));
    }
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    const gone = new Uint8Array(10);
    const lost = later(client.read(gone));
    structuredClone(gone, { transfer: [gone.buffer] });
    await peer.write('kept');
    await expect(lost).rejects.toMatchObject({ code: 'ERR_NEARMETAL_DETACHED' });
    expect(`${Buffer.from((await client.read(target)) as Uint8Array)}`).toBe('kept');
    expectRefusal(() => client.read(gone), VALUE, 'target');
    expectRefusal(() => client.read(new Uint8Array(0)), VALUE, 'target');
    expectRefusal(() => client.read('x' as never), TYPE, 'target');
    const ending = client.read(target);
    await peer.end();
    expect(await ending).toBeUndefined();
  });

  test('half-close, read by read', async () => {
    const { client, peer } = await pair();
    expect(client.remoteAddress).toEqual(peer.localAddress);
    await client.end('question');
    await expect(client.write('late')).rejects.toThrow('ended');
    expect(`${Buffer.from((await peer.read())!)}`).toBe('question');
    expect(await peer.read()).toBeUndefined();
    await peer.end('answer');
    expect(`${await all(client)}`).toBe('answer');
    expect([client.bytesSent, client.bytesReceived]).toEqual([8, 6]);
    await expect(client.write('late')).rejects.toThrow('closed');
    // Both sides have ended: nothing is left to close.
    await client.closed;
  });

  test('what nobody takes waits in the backlog, and none is lost', async () => {
    needs('proc');
    const listener = listening();
    const options = { host: '127.0.0.1', port: listener.port as number, backend };
    const before = descriptors();
    const clients: Connection[] = [];
    onTestFinished(() => {
      for (const client of clients) client.close();
    });
    while (clients.length < 300) {
      const some = Array.from({ length: 10 }, () => Connection.open(options));
      clients.push(...(await Promise.all(some)));
      await turn();
    }
    const accepted = descriptors() - before - clients.length;
    expect(accepted).toBeGreaterThanOrEqual(64);
    expect(accepted).toBeLessThan(200);
    const ports = new Set<number>();
    for (let count = 0; count < clients.length; count++) {
      using connection = (await listener.accept()) as Connection;
      ports.add((connection.remoteAddress as InternetAddress).port);
    }
    expect(ports.size).toBe(clients.length);
    const late = listener.accept();
    clients.push(await Connection.open(options));
    (await late)?.close();
  });

  test('leaving the loop closes', async () => {
    const { client, peer } = await pair();
    await peer.write('x');
    for await (const _ of client) break;
    await client.closed;
    expect(client.socket.closed).toBe(true);
    expect(await peer.read()).toBeUndefined();
    const listener = listening();
    const waiting = Connection.open({ host: '127.0.0.1', port: listener.port as number, backend });
    for await (const connection of listener) {
      connection.close();
      break;
    }
    expect(listener.listening).toBe(false);
    (await waiting).close();
  });

  test('a reset is an error, of who waits and of who asks later', async () => {
    const { client, peer } = await pair();
    const reading = later(peer.read());
    client.reset();
    await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(peer.read()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(peer.write('x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await peer.closed;
  });

  test('an aborted signal, at each stage', async () => {
    const listener = listening();
    const options = { host: '127.0.0.1', port: listener.port as number, backend };
    const aborted = { ...options, signal: AbortSignal.abort() };
    await expect(Connection.open(aborted)).rejects.toMatchObject({ code: 'ABORT_ERR' });
    const connecting = new AbortController();
    const opening = later(Connection.open({ ...options, signal: connecting.signal }));
    connecting.abort();
    await expect(opening).rejects.toMatchObject({ code: 'ABORT_ERR' });
    const connected = new AbortController();
    const connection = await Connection.open({ ...options, signal: connected.signal });
    const reading = later(connection.read());
    const writing = later(connection.write(new Uint8Array(50_000_000)));
    connected.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ABORT_ERR' });
    await expect(writing).rejects.toMatchObject({ code: 'ABORT_ERR' });
    await connection.closed;
    const stop = new AbortController();
    const stopped = listening({ signal: stop.signal });
    const accepting = later(stopped.accept());
    stop.abort();
    await expect(accepting).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });

  test('what cannot be reached, or not in time', async () => {
    const listener = listening();
    const options = { host: '127.0.0.1', port: listener.port as number, backend };
    listener.close();
    await expect(Connection.open(options)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(
      Connection.open({ port: 1, host: 'no.such.host.invalid', backend }),
    ).rejects.toMatchObject({ syscall: 'getaddrinfo' });
    const path = join(folder(), 'nobody');
    await expect(Connection.open({ path, backend })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('Unix sockets', async () => {
    const path = join(folder(), 'socket');
    const listener = listening({ path });
    const opening = Connection.open({ path, backend });
    const peer = await listener.accept();
    await peer?.end('over a path');
    expect(`${await all(await opening)}`).toBe('over a path');
    expect([listener.address, listener.port]).toEqual([{ path }, undefined]);
    listener.close();
    peer?.close();
    expect(existsSync(path)).toBe(false);
  });

  test('two readers, and wrong options, are refused', async () => {
    const { client } = await pair();
    const first = later(client.read());
    await expect(client.read()).rejects.toThrow('reading already');
    client.close();
    expect(await first).toBeUndefined();
    await until(() => client.socket.closed);
    expectRefusal(() => Connection.open({ prot: 1 } as object), VALUE, 'Did you mean "port"');
    expect(() => Connection.open({ port: 70_000 })).toThrow('< 65536');
    expectRefusal(() => Connection.open({ port: 1, timeoutMs: -1 }), RANGE, 'timeoutMs');
    expectRefusal(() => Listener.open({ hots: 'x' } as object), VALUE, 'Did you mean "host"');
  });
});
