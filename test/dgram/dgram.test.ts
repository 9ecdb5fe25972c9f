/** Datagrams by handlers: what comes, who sent it, answers, ends; on both backends. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { bind, connect, type Message } from 'nearmetal/dgram';
import { getSocketOption } from 'nearmetal/net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { pattern, turn, until } from '../support/ring.js';
import { uncaughtErrors } from '../support/thrown.js';
import { bound, KINDS, noting, placeOf } from './support.js';

onEachBackend((backend) => {
  describe.each(KINDS)('%s', (kind) => {
    const place = { backend, ...placeOf(kind === 'Unix' ? 'IPv4' : kind) };
    const own = () => (kind === 'Unix' ? { backend, ...placeOf(kind) } : place);

    test('go both ways, each with its sender, many together', async () => {
      const { socket: left, noted } = noting(own());
      const right = bound({
        ...own(),
        messages: (messages) => {
          for (const message of messages) message.reply(`${message.text()}!`);
        },
      });
      expect(left.send('', right.address)).toBe(true);
      for (let index = 0; index < 100; index++) left.send(`${index}`, right.address);
      await until(() => noted.texts.length === 101);
      expect(noted.texts).toEqual(['!', ...Array.from({ length: 100 }, (_, index) => `${index}!`)]);
      expect(noted.batches.length).toBeLessThan(50);
      expect(left.stats).toMatchObject({
        sent: 101,
        received: 101,
        lost: 0,
        errors: 0,
        pending: 0,
      });
      expect(right.stats.receivedBytes).toBe(190);
    });

    test('from 0 bytes to as many as there can be, unharmed', async () => {
      const most = kind === 'IPv4' ? 65_507 : kind === 'IPv6' ? 65_527 : 65_535;
      const lengths = [0, 1, 63, 64, 65, 1400, 16_384, most];
      const got: Uint8Array[] = [];
      const right = bound({
        ...own(),
        messages: (messages) => {
          for (const message of messages) {
            expect([message.truncated, message.fullLength]).toEqual([false, message.length]);
            got.push(message.copy());
          }
        },
      });
      const left = bound(own());
      for (const length of lengths) left.send(pattern(length, length), right.address);
      await until(() => got.length === lengths.length);
      expect(
        got.map((bytes) => Buffer.compare(bytes, pattern(bytes.length, bytes.length))),
      ).toEqual(lengths.map(() => 0));
    });

    test('one that is longer than maxBytes is cut off, and says so', async () => {
      const got: [number, number, boolean][] = [];
      const right = bound({
        ...own(),
        maxBytes: 100,
        messages: (messages) => {
          for (const { length, fullLength, truncated } of messages) {
            got.push([length, fullLength, truncated]);
          }
        },
      });
      const left = bound(own());
      for (const length of [100, 101, 5000]) left.send(new Uint8Array(length), right.address);
      await until(() => got.length === 3);
      expect(got).toEqual([
        [100, 100, false],
        [100, 101, true],
        [100, 5000, true],
      ]);
    });

    test('connected: no address is needed, and others are not heard', async () => {
      const { socket: server, noted } = noting(own());
      const client = connect({ backend, ...server.address });
      onTestFinished(() => client.close());
      client.send('hello');
      await until(() => noted.texts.length === 1);
      const other = bound(own());
      if (kind !== 'Unix') other.send('not for you', client.address);
      server.send('welcome', client.address);
      const message = (await client.receive()) as Message;
      expect(message.text()).toBe('welcome');
      expect(message.from?.address).toEqual(server.address);
      expect(client.peer?.address).toEqual(server.address);
    });
  });

  test('a refusal is told by a connected socket, which goes on', async () => {
    const gone = bind({ backend });
    const { address } = gone;
    await gone.close();
    const codes: string[] = [];
    const told = connect({
      backend,
      ...address,
      error: (error, lost) => void codes.push(`${error.code} ${lost}`),
      messages: () => undefined,
    });
    onTestFinished(() => told.close());
    told.send('anybody there');
    await until(() => codes.length === 1);
    expect(codes).toEqual(['ECONNREFUSED 0']);
    const waiting = connect({ backend, ...address });
    onTestFinished(() => waiting.close());
    waiting.send('anybody there');
    await expect(waiting.receive()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const { noted } = noting({ backend, ...address });
    // Sent although the error of an earlier one is pending.
    told.send('and now');
    waiting.send('now');
    await until(() => noted.texts.length === 2);
  });

  test('a message is lent until the handler returns, and keep() is for good', async () => {
    const lent: Message[] = [];
    const kept: Message[] = [];
    const right = bound({
      backend,
      messages: (messages) => {
        for (const message of messages) {
          lent.push(message);
          kept.push(message.keep());
        }
        expect(messages.at(0)).toBe(lent[0]);
        expect(messages.at(messages.length)).toBeUndefined();
      },
    });
    const left = bound({ backend });
    left.send('some words', right.address);
    await until(() => lent.length === 1);
    expect([lent[0]?.length, lent[0]?.text()]).toEqual([0, '']);
    expect(() => lent[0]?.from).toThrow('keep()');
    expect(() => lent[0]?.reply('x')).toThrow('keep()');
    expect(kept[0]?.text()).toBe('some words');
    expect(kept[0]?.from?.address).toEqual(left.address);
    kept[0]?.reply('thanks');
    expect((await left.receive())?.text()).toBe('thanks');
  });

  test('nothing is received while it is paused', async () => {
    const { socket: right, noted } = noting({ backend });
    const left = bound({ backend });
    right.pause();
    await turn();
    left.send('later', right.address);
    await turn();
    expect(noted.texts).toEqual([]);
    right.resume();
    await until(() => noted.texts.length === 1);
  });

  test('a handler that throws is an uncaughtException, and costs nothing else', async () => {
    const errors = uncaughtErrors();
    let count = 0;
    const right = bound({
      backend,
      messages: ({ length }) => {
        count += length;
        throw new Error('on purpose');
      },
    });
    const left = bound({ backend });
    for (let index = 0; index < 200; index++) left.send('x', right.address);
    await until(() => count === 200);
    await until(() => errors.length > 0);
    expect(errors.every(({ message }) => message === 'on purpose')).toBe(true);
  });

  test('closing in a handler ends it there', async () => {
    let count = 0;
    let closes = 0;
    const right = bound({
      backend,
      messages: (messages, socket) => {
        count += messages.length;
        void socket.close();
      },
      close: () => void closes++,
    });
    const left = bound({ backend });
    for (let index = 0; index < 200; index++) left.send('x', right.address);
    await until(() => closes === 1);
    await turn();
    expect(count).toBeLessThanOrEqual(64);
    expect(() => right.send('x', left.address)).toThrow('closed');
  });

  test('what was sent in the turn in which it is closed goes out', async () => {
    const { socket: right, noted } = noting({ backend });
    const left = bind({ backend });
    left.send('last words', right.address);
    await left.close();
    await until(() => noted.texts.length === 1);
    expect(left.stats).toMatchObject({ sent: 1, lost: 0 });
  });

  test('what the kernel has no room for is kept, and drain tells', async () => {
    const unix = placeOf('Unix');
    const { socket: right, noted } = noting({ backend, ...unix });
    right.pause();
    await turn();
    const { socket: left, noted: told } = noting({
      backend,
      ...placeOf('Unix'),
      highWater: 20_000,
    });
    let room = true;
    let sent = 0;
    // A Unix socket's queue is short (net.unix.max_dgram_qlen), and the sender waits for it.
    for (; room; sent++) room = left.send(Buffer.alloc(1000, `${sent % 10}`), right.address);
    await turn();
    expect(left.stats.pending).toBeGreaterThan(0);
    expect(left.stats.stalls).toBeGreaterThan(0);
    right.resume();
    await until(() => noted.texts.length === sent);
    await until(() => told.drains === 1);
    expect(noted.texts.map((text) => text[0])).toEqual(
      Array.from({ length: sent }, (_, index) => `${index % 10}`),
    );
    expect(left.stats).toMatchObject({ sent, pending: 0, lost: 0 });
  });

  test('what still waits when it is closed is told to be lost', async () => {
    const { socket: right } = noting({ backend, ...placeOf('Unix') });
    right.pause();
    await turn();
    const { socket: left, noted } = noting({ backend, ...placeOf('Unix'), highWater: 20_000 });
    while (left.send(new Uint8Array(1000), right.address));
    await turn();
    const { pending } = left.stats;
    expect(pending).toBeGreaterThan(0);
    await left.close();
    expect(noted.errors).toEqual([['ECANCELED', pending]]);
    expect(left.stats.lost).toBe(pending);
  });

  test('the options are the socket’s', async () => {
    const socket = bound({ backend, broadcast: true, reuseAddress: true, reusePort: true });
    const again = bound({
      backend,
      port: socket.port as number,
      reuseAddress: true,
      reusePort: true,
    });
    expect(again.port).toBe(socket.port);
    expect(getSocketOption(socket.socket, 'broadcast')).toBe(true);
    socket.setBroadcast(false);
    socket.setTTL(9);
    expect(getSocketOption(socket.socket, 'broadcast')).toBe(false);
    expect(getSocketOption(socket.socket, 'ttl')).toBe(9);
    const six = bound({ backend, host: '::1', receiveBuffer: 100_000, sendBuffer: 50_000 });
    six.setTTL(10);
    expect(getSocketOption(six.socket, 'hopLimit')).toBe(10);
    expect(getSocketOption(six.socket, 'receiveBuffer')).toBe(200_000);
    expect(getSocketOption(six.socket, 'sendBuffer')).toBe(100_000);
  });

  test('diagnostics channels tell of it', async () => {
    const seen: string[] = [];
    const hear = (message: unknown, name: string | symbol): void => {
      const { error } = message as { error?: { code: string } };
      seen.push(`${String(name).slice(16)}${error === undefined ? '' : ` ${error.code}`}`);
    };
    const names = ['open', 'error', 'close'].map((name) => `nearmetal.dgram.${name}`);
    for (const name of names) subscribe(name, hear);
    onTestFinished(() => {
      for (const name of names) unsubscribe(name, hear);
    });
    const socket = bind({ backend });
    socket.send(new Uint8Array(65_520), { host: '127.0.0.1', port: 9 });
    await expect(socket.flushed()).rejects.toMatchObject({ code: 'EMSGSIZE' });
    await socket.close();
    expect(seen).toEqual(['open', 'error EMSGSIZE', 'close']);
  });
});
