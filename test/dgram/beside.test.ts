/** What comes beside datagrams, and what is said of those that are sent: both families. */
import { bind, connect, type Message } from 'nearmetal/dgram';
import { setSocketOption } from 'nearmetal/net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { pattern, turn, until } from '../support/ring.js';
import { bound, placeOf } from './support.js';

const FAMILIES = ['IPv4', 'IPv6'] as const;
const LOOPBACK_INDEX = 1;

onEachBackend((backend) => {
  describe.each(FAMILIES)('%s', (family) => {
    const place = { backend, ...placeOf(family) };
    const host = family === 'IPv4' ? '127.0.0.1' : '::1';
    const any = { backend, host: family === 'IPv4' ? '0.0.0.0' : '::' };

    test('where it was sent to, when it came, its class and its hops', async () => {
      const right = bound({
        ...any,
        packetInfo: true,
        timestamps: true,
        trafficClass: true,
        hopLimit: true,
        dropped: true,
      });
      const left = bound(place);
      left.setTTL(42);
      setSocketOption(left.socket, family === 'IPv4' ? 'tos' : 'trafficClass', 0x49);
      const before = BigInt(Date.now()) - 1000n;
      left.send('x', { host, port: right.port as number });
      const message = (await right.receive()) as Message;
      expect(message.to).toBe(host);
      expect(message.interfaceIndex).toBe(LOOPBACK_INDEX);
      expect(message.hopLimit).toBe(42);
      expect(message.trafficClass).toBe(0x49);
      expect(message.ecn).toBe(1);
      expect(message.dropped).toBe(0);
      const { seconds, nanoseconds } = message.timestamp ?? { seconds: 0, nanoseconds: -1 };
      expect(BigInt(seconds) * 1000n).toBeGreaterThan(before - 60_000n);
      expect(nanoseconds).toBeGreaterThanOrEqual(0);
      expect(message.hardwareTimestamp).toBeUndefined();
      expect(message.segmentSize).toBeUndefined();
    });

    test('timestamps of the kernel where the card has none', async () => {
      const right = bound({ ...place, timestamps: 'hardware' });
      const left = bound(place);
      // The kernel begins to note times a little later than it is asked to.
      let message: Message;
      do {
        left.send('x', right.address);
        message = (await right.receive()) as Message;
      } while (message.timestamp === undefined);
      expect(message.timestamp.seconds).toBeGreaterThan(1_000_000_000);
      expect(message.hardwareTimestamp).toBeUndefined();
    });

    test('nothing is there that was not asked for', async () => {
      const right = bound(place);
      const left = bound(place);
      left.send('x', right.address);
      const message = (await right.receive()) as Message;
      const { to, interfaceIndex, timestamp, trafficClass, ecn, hopLimit, segmentSize } = message;
      expect([to, interfaceIndex, timestamp, trafficClass, ecn, hopLimit, segmentSize]).toEqual(
        Array.from({ length: 7 }, () => undefined),
      );
    });

    test('large sends are cut by the kernel: each segment comes on its own', async () => {
      const right = bound(place);
      const left = bound(place);
      const bytes = pattern(100_000);
      left.send(bytes, right.address, { segmentSize: 1400 });
      const parts: Uint8Array[] = [];
      while (parts.reduce((sum, part) => sum + part.length, 0) < bytes.length) {
        parts.push(((await right.receive()) as Message).copy());
      }
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
      // Two sends of 46 segments, and one with the rest; the last of each may be shorter.
      expect(parts.filter(({ length }) => length !== 1400).length).toBeLessThanOrEqual(3);
      expect(parts.length).toBe(Math.ceil(100_000 / 1400));
    });

    test('and come in one piece where that is asked for', async () => {
      const lengths: number[] = [];
      const parts: Uint8Array[] = [];
      const right = bound({
        ...place,
        offload: true,
        messages: (messages) => {
          for (const message of messages) {
            lengths.push(message.length);
            expect(message.segmentSize ?? 1000).toBe(1000);
            for (const segment of message.segments()) {
              expect(segment.length).toBeLessThanOrEqual(1000);
              parts.push(segment.slice());
            }
          }
        },
      });
      const left = bound(place);
      const bytes = pattern(30_500, 7);
      left.send(bytes, right.address, { segmentSize: 1000 });
      await until(() => parts.length === 31);
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
      expect(lengths).toEqual([30_500]);
      left.send('alone', right.address);
      left.send('', right.address);
      await until(() => parts.length === 33);
      expect(parts.slice(31).map((part) => Buffer.from(part).toString())).toEqual(['alone', '']);
    });

    test('an interface can be named', async () => {
      const right = bound({ ...any, packetInfo: true });
      const left = bound(any);
      left.send('x', { host, port: right.port as number }, { interfaceIndex: LOOPBACK_INDEX });
      expect((await right.receive())?.interfaceIndex).toBe(LOOPBACK_INDEX);
    });
  });

  test('an answer comes from the address that was sent to', async () => {
    const server = bound({ backend, host: '0.0.0.0', packetInfo: true });
    const client = connect({ backend, host: '127.0.0.7', port: server.port as number });
    onTestFinished(() => client.close());
    client.send('x');
    const message = (await server.receive()) as Message;
    expect(message.to).toBe('127.0.0.7');
    // A connected socket hears one address only.
    message.reply('from it');
    expect((await client.receive())?.text()).toBe('from it');
    const other = bound({ backend });
    server.send('from another', other.address, { from: '127.0.0.9' });
    const heard = await other.receive();
    expect(heard?.from?.address).toEqual({ host: '127.0.0.9', port: server.port });
  });

  test('what a socket has no room for is counted by the kernel', async () => {
    const right = bound({ backend, dropped: true, receiveBuffer: 4096 });
    const left = bound({ backend });
    right.pause();
    await turn();
    for (let index = 0; index < 200; index++) left.send(new Uint8Array(500), right.address);
    await left.flushed();
    right.resume();
    let { received } = right.stats;
    do {
      ({ received } = right.stats);
      await turn();
    } while (right.stats.received !== received);
    left.send('last', right.address);
    let message: Message | undefined;
    do message = await right.receive();
    while (message?.text() !== 'last');
    expect(message.dropped).toBe(201 - right.stats.received);
    expect(message.dropped).toBeGreaterThan(0);
  });

  test('a broadcast needs to be allowed', async () => {
    const socket = bind({ backend, host: '0.0.0.0' });
    onTestFinished(() => socket.close());
    socket.send('x', { host: '255.255.255.255', port: 9 });
    const failure = await socket.flushed().catch((error) => error);
    expect(failure.code).toMatch(/EACCES|ENETUNREACH/);
    if (failure.code === 'EACCES') expect(failure.hint).toContain('broadcast: true');
  });
});
