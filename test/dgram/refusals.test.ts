/** What is refused: wrong arguments before any call, and what the kernel says no to, with hints. */
import { type BindOptions, bind, connect, joinGroup } from 'nearmetal/dgram';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import {
  bytesOf,
  expectRefusal,
  folder,
  openRing,
  RANGE,
  TYPE,
  until,
  VALUE,
} from '../support/ring.js';
import { thrownBy } from '../support/thrown.js';
import { bound, noting, placeOf } from './support.js';

const wrong =
  (options: unknown): (() => unknown) =>
  () =>
    bind(options as BindOptions);

test('wrong options are named', () => {
  expectRefusal(wrong(5), TYPE, 'options');
  expectRefusal(wrong({ hots: '::1' }), VALUE, 'hots');
  expectRefusal(wrong({ host: 'localhost' }), VALUE, 'host');
  expectRefusal(wrong({ host: 7 }), TYPE, 'host');
  expectRefusal(wrong({ port: 65_536 }), RANGE, 'port');
  expectRefusal(wrong({ port: -1 }), RANGE, 'port');
  expectRefusal(wrong({ port: '53' }), TYPE, 'port');
  expectRefusal(wrong({ path: '/x', port: 1 }), VALUE, 'path');
  expectRefusal(wrong({ path: '' }), VALUE, 'path');
  expectRefusal(wrong({ messages: 1 }), TYPE, 'messages');
  expectRefusal(wrong({ maxBytes: 0 }), RANGE, 'maxBytes');
  expectRefusal(wrong({ maxBytes: 65_536 }), RANGE, 'maxBytes');
  expectRefusal(wrong({ highWater: 0 }), RANGE, 'highWater');
  expectRefusal(wrong({ queue: 0 }), RANGE, 'queue');
  expectRefusal(wrong({ reusePort: 1 }), TYPE, 'reusePort');
  expectRefusal(wrong({ receiveBuffer: 0 }), RANGE, 'receiveBuffer');
  expectRefusal(wrong({ timestamps: 'soft' }), TYPE, 'timestamps');
  expectRefusal(wrong({ packetInfo: 'yes' }), TYPE, 'packetInfo');
  expectRefusal(wrong({ path: '/tmp/x', packetInfo: true }), VALUE, 'packetInfo');
  expectRefusal(wrong({ path: '/tmp/x', ipv6Only: true }), VALUE, 'ipv6Only');
  expectRefusal(wrong({ backend: 'kqueue' }), VALUE, 'backend');
  expectRefusal(wrong({ signal: 1 }), TYPE, 'signal');
  expectRefusal(wrong({ local: { host: '127.0.0.1', port: 0 } }), VALUE, 'local');
  expectRefusal(() => connect({ host: '127.0.0.1' }), RANGE, 'port');
  const mixed = { host: '127.0.0.1', port: 9, local: { host: '::1', port: 0 } };
  expectRefusal(() => connect(mixed), VALUE, 'local');
});

onEachBackend((backend) => {
  test('wrong datagrams are refused before any call', () => {
    const socket = bound({ backend });
    const to = { host: '127.0.0.1', port: 9 };
    // biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
    const any = (value: unknown): any => value;
    expectRefusal(() => socket.send(any(5), to), TYPE, 'bytes');
    expectRefusal(() => socket.send('x'), VALUE, 'to');
    expectRefusal(() => socket.send('x', { ...to, port: 0 }), RANGE, 'to.port');
    expectRefusal(() => socket.send('x', { ...to, port: 65_536 }), RANGE, 'to.port');
    expectRefusal(() => socket.send('x', { host: 'localhost', port: 9 }), VALUE, 'to.host');
    expectRefusal(() => socket.send('x', { host: '::1', port: 9 }), VALUE, 'IPv4');
    expectRefusal(() => socket.send('x', { path: '/x' }), VALUE, 'IPv4');
    expectRefusal(() => socket.send('x', any(1)), TYPE, 'to');
    expectRefusal(() => socket.send('x', to, any({ segment: 1 })), VALUE, 'segment');
    expectRefusal(() => socket.send('x', to, { segmentSize: 0 }), RANGE, 'segmentSize');
    expectRefusal(() => socket.send('x', to, { segmentSize: 65_508 }), RANGE, 'segmentSize');
    expectRefusal(() => socket.send('x', to, { from: 'here' }), VALUE, 'source');
    expectRefusal(() => socket.setTTL(0), RANGE, 'ttl');
    expectRefusal(() => socket.setMulticastTTL(256), RANGE, 'ttl');
    expectRefusal(() => socket.addMembership('192.0.2.1'), VALUE, 'group');
    expectRefusal(() => socket.addMembership('239.0.0.1', ''), VALUE, 'interface');
    expectRefusal(() => socket.addMembership('239.0.0.1', -1), RANGE, 'interface');
    expectRefusal(() => socket.addSourceSpecificMembership('::1', '239.0.0.1'), VALUE, 'source');
    const detached = new Uint8Array(8);
    structuredClone(detached, { transfer: [detached.buffer] });
    expectRefusal(() => socket.send(detached, to), VALUE, 'detached');
    expect(socket.stats).toMatchObject({ sent: 0, pending: 0 });
  });

  test('what no datagram can hold is EMSGSIZE at once, with a hint', () => {
    const socket = bound({ backend });
    const to = { host: '127.0.0.1', port: 9 };
    const error = thrownBy(() => socket.send(new Uint8Array(65_536), to));
    expect(error).toMatchObject({ code: 'EMSGSIZE', hint: expect.stringContaining('segmentSize') });
    const huge = thrownBy(() => socket.send(new Uint8Array(10_000_000), to));
    expect(huge).toMatchObject({ code: 'EMSGSIZE' });
  });

  test('what the kernel refuses is told with its code', async () => {
    const codes: string[] = [];
    const socket = bound({
      backend,
      error: (error, lost) => void codes.push(`${error.code} ${lost}`),
    });
    socket.send('x', { host: '127.0.0.1', port: 9 }, { from: '203.0.113.1' });
    await expect(socket.flushed()).rejects.toMatchObject({ code: 'ENETUNREACH' });
    expect(codes).toEqual(['ENETUNREACH 1']);
  });

  test('an address that is taken, or nobody’s, or of no interface', () => {
    const first = bound({ backend });
    const taken = thrownBy(() => bind({ backend, port: first.port as number }));
    expect(taken).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', port: first.port });
    const foreign = thrownBy(() => bind({ backend, host: '203.0.113.1' }));
    expect(foreign).toMatchObject({ code: 'EADDRNOTAVAIL', address: '203.0.113.1' });
    const none = thrownBy(() => joinGroup(first.socket, { group: '239.0.0.1', interface: 'no0' }));
    expect(none).toMatchObject({ code: 'ENODEV' });
    const unix = bound({ backend, ...placeOf('Unix') });
    expect(thrownBy(() => unix.addMembership('239.0.0.1'))).toMatchObject({
      code: expect.stringMatching(/ENOPROTOOPT|EOPNOTSUPP/),
    });
    const gone = thrownBy(() => connect({ backend, path: `${folder()}/none` }));
    expect(gone).toMatchObject({ code: 'ENOENT', syscall: 'connect' });
  });

  test('who sends without a name cannot be answered, and makes nothing throw', async () => {
    const { socket, noted } = noting({
      backend,
      ...placeOf('Unix'),
      messages: (messages) => {
        for (const message of messages) {
          noted.texts.push(message.text());
          expect([message.from, message.reply('x')]).toEqual([undefined, true]);
        }
      },
    });
    const ring = openRing();
    const nameless = await ring.socket('unix', { type: 'dgram' });
    onTestFinished(() => nameless.close());
    await ring.sendmsg(nameless, bytesOf('who am I'), { to: socket.address });
    await until(() => noted.texts.length === 1);
    expect(noted.errors).toEqual([['EDESTADDRREQ', 1]]);
    expect(socket.stats.lost).toBe(1);
  });

  test('a Unix socket whose peer has gone tells it, and goes on', async () => {
    const right = bind({ backend, ...placeOf('Unix') });
    const { address } = right;
    await right.close();
    const left = bind({ backend, ...placeOf('Unix') });
    onTestFinished(() => left.close());
    left.send('x', address);
    await expect(left.flushed()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
