/** `serve`: handlers, backpressure, half-close, timeouts, stopping; over both backends. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  getSocketOption,
  type Received,
  type ServedConnection,
  type ServeOptions,
  serve,
} from 'nearmetal/net';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import {
  expectRefusal,
  folder,
  pattern,
  RANGE,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';
import { uncaughtErrors } from '../support/thrown.js';

const ignore = (): void => undefined;
/** Also after an error, which `once` takes for its own. */
const closed = (socket: Socket): Promise<void> =>
  new Promise(
    (resolve) => void (socket.closed ? resolve() : socket.once('close', () => resolve())),
  );

onEachBackend((backend) => {
  function start<State>(options: Partial<ServeOptions<State>>) {
    const serving = serve<State>({ backend, data: ignore, ...options });
    onTestFinished(() => serving.stop());
    return serving;
  }

  async function client(to: { port: number | undefined }): Promise<Socket & { bytes: Buffer[] }> {
    const socket = Object.assign(connect(to.port as number, '127.0.0.1'), {
      bytes: [] as Buffer[],
    });
    socket.on('error', ignore).on('data', (bytes) => socket.bytes.push(bytes));
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  const textOf = (socket: { bytes: Buffer[] }): string => `${Buffer.concat(socket.bytes)}`;

  test('echoes, and counts', async () => {
    const events: string[] = [];
    const serving = start<{ name: string }>({
      open(connection) {
        connection.state = { name: 'first' };
        events.push('open');
      },
      data(connection, received) {
        events.push(`data ${connection.state?.name} ${received.text()}`);
        connection.write(received);
        connection.write('!');
      },
      end: () => void events.push('end'),
      close: (connection) => void events.push(`close ${connection.open}`),
    });
    const socket = await client(serving);
    socket.write('hello');
    await until(() => textOf(socket) === 'hello!');
    const [connection] = serving.connections;
    expect(connection?.remoteAddress).toEqual({ host: '127.0.0.1', port: socket.localPort });
    expect(connection?.localAddress).toEqual(serving.address);
    expect(connection).toMatchObject({ bytesReceived: 5, bytesSent: 6, pending: 0, open: true });
    expect(getSocketOption(connection!.socket, 'noDelay')).toBe(true);
    socket.end();
    await closed(socket);
    await until(() => events.length === 4);
    expect(events).toEqual(['open', 'data first hello', 'end', 'close false']);
    expect(serving.stats).toEqual({
      connections: 0,
      accepted: 1,
      refused: 0,
      acceptErrors: 0,
      errors: 0,
      timeouts: 0,
      bytesReceived: 5,
      bytesSent: 6,
    });
    expect(connection?.write('late')).toBe(false);
  });

  test('what is received is lent until the handler returns', async () => {
    let kept: Received | undefined;
    const seen: unknown[] = [];
    const serving = start({
      data(_, received) {
        kept = received;
        const target = new Uint8Array(8);
        received.copyTo(target, 2);
        seen.push(received.length, received.at(1), received.at(5), [...received.copy(1, 3)]);
        seen.push([...target], [...received.bytes], received.text('hex'));
      },
    });
    const socket = await client(serving);
    socket.write(Buffer.from([1, 2, 3, 4, 5]));
    await until(() => seen.length === 7);
    expect(seen).toEqual([
      5,
      2,
      undefined,
      [2, 3],
      [0, 0, 1, 2, 3, 4, 5, 0],
      [1, 2, 3, 4, 5],
      '0102030405',
    ]);
    expect([kept?.length, kept?.at(0), kept?.text(), kept?.copy().length]).toEqual([
      0,
      undefined,
      '',
      0,
    ]);
  });

  test('a peer that sends and never reads costs a bounded amount of memory', async () => {
    let most = 0;
    let sent = 0;
    const serving = start({
      highWater: 100_000,
      data(connection, received) {
        connection.write(received);
        most = Math.max(most, connection.pending);
      },
    });
    const socket = await client(serving);
    socket.pause();
    const chunk = Buffer.alloc(65_536);
    // Until neither side takes any more.
    for (let still = 0; still < 20; ) {
      if (socket.writableLength < 1_000_000) {
        socket.write(chunk);
        sent += chunk.length;
        still = 0;
      } else {
        still++;
        await turn();
      }
    }
    const [connection] = serving.connections;
    expect(connection?.bytesReceived).toBeLessThan(sent);
    // The mark, and what was in the ring's buffers when it was passed.
    expect(most).toBeLessThan(100_000 + 2 * 1024 * 1024);
    const before = connection?.bytesReceived;
    for (let count = 0; count < 10; count++) await turn();
    expect(connection?.bytesReceived).toBe(before);
    let echoed = 0;
    socket.removeAllListeners('data').on('data', (bytes) => {
      echoed += bytes.length;
    });
    socket.resume();
    await until(() => echoed === sent);
  });

  test('backpressure by hand: write answers false, drain tells', async () => {
    const drains: number[] = [];
    const serving = start({
      autoPause: false,
      highWater: 1000,
      open(connection) {
        expect(connection.write(new Uint8Array(999))).toBe(true);
        expect(connection.write(new Uint8Array(1))).toBe(false);
        connection.pause();
      },
      data: () => void drains.push(-1),
      drain(connection) {
        drains.push(connection.pending);
        connection.resume();
      },
    });
    const socket = await client(serving);
    socket.write('x');
    await until(() => drains.length === 2);
    expect(drains).toEqual([0, -1]);
  });

  test('every byte in order: 1-byte fragments one way, large writes the other', async () => {
    const wanted = pattern(3_000_000);
    let got = 0;
    const hash = createHash('sha256');
    const serving = start({
      data(connection, received) {
        hash.update(received.bytes);
        got += received.length;
        if (got === 3000) connection.end(wanted);
      },
    });
    const socket = await client(serving);
    socket.setNoDelay(true);
    const fragments = pattern(3000, 7);
    for (let index = 0; index < fragments.length; index++) {
      socket.write(fragments.subarray(index, index + 1));
    }
    await once(socket, 'end');
    expect(Buffer.concat(socket.bytes).equals(wanted)).toBe(true);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(fragments).digest('hex'));
  });

  test('corked writes go together, turns later', async () => {
    const serving = start({
      async open(connection) {
        connection.cork();
        connection.write('a');
        await turn();
        connection.write('b');
        await turn();
        connection.uncork();
      },
    });
    const socket = await client(serving);
    await until(() => socket.bytes.length > 0);
    expect(textOf(socket)).toBe('ab');
  });

  test('half-open when asked for: our side goes on', async () => {
    const serving = start({
      allowHalfOpen: true,
      end(connection) {
        connection.write('still here');
        setTimeout(() => connection.end(', bye'), 5);
      },
    });
    const socket = await client(serving);
    socket.end();
    await once(socket, 'end');
    expect(textOf(socket)).toBe('still here, bye');
    await until(() => serving.connections.size === 0);
  });

  test('idle and old connections time out; a handler may let them go on', async () => {
    const told: string[] = [];
    const idle = start({ idleTimeoutMs: 40, close: () => void told.push('close') });
    const silent = await client(idle);
    await closed(silent);
    expect([told, idle.stats.timeouts]).toEqual([['close'], 1]);
    const old = start({
      lifetimeMs: 40,
      timeout(connection, which) {
        told.push(which);
        if (told.length === 3) connection.end('enough');
      },
    });
    const busy = await client(old);
    const chatter = setInterval(() => busy.write('x'), 5);
    onTestFinished(() => clearInterval(chatter));
    await once(busy, 'end');
    expect([told, textOf(busy)]).toEqual([['close', 'lifetime', 'lifetime'], 'enough']);
  });

  test('a reset is an error of its connection', async () => {
    const errors: unknown[] = [];
    let closes = 0;
    const serving = start({
      error: (connection, error) => void errors.push(error.code, connection.open),
      close: () => void closes++,
    });
    const socket = await client(serving);
    await until(() => serving.connections.size === 1);
    socket.resetAndDestroy();
    await until(() => closes === 1);
    expect(errors).toEqual(['ECONNRESET', false]);
    expect(serving.stats.errors).toBe(1);
  });

  test('a handler that throws costs its own connection only', async () => {
    const uncaught = uncaughtErrors();
    const serving = start({
      data(connection, received) {
        if (received.text() === 'bad') throw new Error('a bug');
        connection.write(received);
      },
    });
    const [bad, good] = [await client(serving), await client(serving)];
    bad.write('bad');
    await closed(bad);
    good.write('good');
    await until(() => textOf(good) === 'good');
    expect(uncaught.map(({ message }) => message)).toEqual(['a bug']);
    expect(serving.connections.size).toBe(1);
  });

  test('connections can be looked through while they come and go', async () => {
    const gone: ServedConnection[] = [];
    const serving = start({ close: (connection) => void gone.push(connection) });
    const sockets = await Promise.all(Array.from({ length: 5 }, () => client(serving)));
    await until(() => serving.connections.size === 5);
    const [first, second] = serving.connections;
    first?.close();
    await until(() => gone.length === 1);
    expect([...serving.connections]).toHaveLength(4);
    expect(gone).toEqual([first]);
    expect(serving.connections.has(first as ServedConnection)).toBe(false);
    expect(serving.connections.has(second as ServedConnection)).toBe(true);
    sockets.push(await client(serving));
    await until(() => serving.connections.size === 5);
    expect(new Set(serving.connections).size).toBe(5);
    for (const connection of serving.connections) connection.close();
    await until(() => gone.length === 6);
    expect([...serving.connections]).toEqual([]);
    expect(new Set(gone).size).toBe(6);
    sockets.push(await client(serving));
    await until(() => serving.connections.size === 1);
    for (const socket of sockets) socket.destroy();
  });

  test('more connections than allowed are closed at once', async () => {
    const serving = start({ maxConnections: 1 });
    const first = await client(serving);
    const second = await client(serving);
    await closed(second);
    expect(first.destroyed).toBe(false);
    expect(serving.stats).toMatchObject({ accepted: 1, refused: 1 });
  });

  test('drain waits for those that are open; stop does not', async () => {
    const serving = start({
      stopping: (connection) => void connection.write('finish'),
      data: (connection, received) => connection.end(received.copy()),
    });
    const socket = await client(serving);
    await until(() => serving.connections.size === 1);
    let ended = false;
    const drained = serving.drain().then(() => {
      ended = true;
    });
    expect(serving.listening).toBe(false);
    await until(() => textOf(socket) === 'finish');
    const late = connect(serving.port as number, '127.0.0.1');
    const [error] = await once(late, 'error');
    expect([error.code, ended]).toEqual(['ECONNREFUSED', false]);
    socket.write('done');
    await drained;
    expect(textOf(socket)).toBe('finishdone');
    const stubborn = start({});
    const held = await client(stubborn);
    await until(() => stubborn.connections.size === 1);
    await stubborn.drain({ timeoutMs: 10 });
    await closed(held);
    await expect(serving.stop()).resolves.toBeUndefined();
  });

  test('an aborted signal stops it, and `await using` does', async () => {
    const stop = new AbortController();
    const serving = start({ signal: stop.signal });
    const socket = await client(serving);
    stop.abort();
    await closed(socket);
    expect(serving.listening).toBe(false);
    let copy: ServedConnection | undefined;
    {
      await using scoped = start({
        open(connection) {
          copy = connection;
        },
      });
      await client(scoped);
      await until(() => copy !== undefined);
    }
    expect(copy?.open).toBe(false);
    expect(() => start({ signal: AbortSignal.abort() })).toThrow('aborted');
  });

  test('Unix sockets: the path goes with the server', async () => {
    const path = join(folder(), 'socket');
    const serving = start({
      path,
      data: (connection, received) => void connection.end(received.copy()),
    });
    expect([serving.address, serving.port]).toEqual([{ path }, undefined]);
    const socket = connect(path);
    onTestFinished(() => void socket.destroy());
    socket.write('unix');
    const [bytes] = await once(socket, 'data');
    expect(`${bytes}`).toBe('unix');
    await serving.stop();
    expect(existsSync(path)).toBe(false);
  });

  test('keep-alive is inherited by what is accepted', async () => {
    const serving = start({ keepAlive: { idleMs: 60_000, intervalMs: 5000, count: 3 } });
    await client(serving);
    await until(() => serving.connections.size === 1);
    const [connection] = serving.connections;
    const socket = connection!.socket;
    expect(getSocketOption(socket, 'keepAlive')).toBe(true);
    expect(getSocketOption(socket, 'keepAliveIdleMs')).toBe(60_000);
    expect(getSocketOption(socket, 'keepAliveCount')).toBe(3);
  });

  test('wrong options are refused', () => {
    expectRefusal(() => serve({} as never), TYPE, 'data');
    expectRefusal(() => start({ prot: 1 } as object), VALUE, 'Did you mean "port"');
    expectRefusal(() => start({ highWater: 0 }), RANGE, 'highWater');
    expectRefusal(() => start({ idleTimeoutMs: -1 }), RANGE, 'idleTimeoutMs');
    expectRefusal(() => start({ keepAlive: { idle: 1 } as object }), VALUE, 'idleMs');
    const serving = start({});
    expect(() => start({ port: serving.port as number })).toThrow('EADDRINUSE');
  });
});
