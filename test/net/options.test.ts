/** Socket options: what is set is what the kernel answers, for every one of them. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  getSocketOption,
  listen,
  peerCredentials,
  type SocketOptionName,
  setLinger,
  setSocketOption,
  setSocketOptions,
  tcpInfo,
} from 'nearmetal/net';
import { describe, expect, test } from 'vitest';
import { OPTION_TABLE } from '../../lib/socket/option-table.js';
import {
  connection,
  expectRefusal,
  folder,
  openRing,
  RANGE,
  TYPE,
  VALUE,
} from '../support/ring.js';

/** Another value than the socket has at first, and what is answered then where it differs. */
const VALUES: Partial<Record<SocketOptionName, [set: unknown, answer?: unknown]>> = {
  reuseAddress: [false],
  reusePort: [true],
  broadcast: [true],
  keepAlive: [true],
  sendBuffer: [50_000, 100_000],
  sendBufferForce: [70_000, undefined],
  receiveBuffer: [60_000, 120_000],
  receiveBufferForce: [80_000, undefined],
  receiveLowWater: [100],
  priority: [4],
  mark: [7],
  bindToDevice: ['lo'],
  busyPoll: [50],
  preferBusyPoll: [true],
  busyPollBudget: [16],
  incomingCpu: [0],
  maxPacingRate: [1_000_000],
  passCredentials: [true],
  zerocopy: [true],
  noDelay: [true],
  cork: [true],
  quickAck: [false],
  maxSegment: [1000],
  keepAliveIdleMs: [9001, 10_000],
  keepAliveIntervalMs: [3000],
  keepAliveCount: [4],
  userTimeoutMs: [1234],
  synCount: [3],
  linger2Ms: [5000],
  // A count of retries by now: at least as long.
  deferAcceptMs: [1000],
  windowClamp: [100_000],
  fastOpen: [16],
  fastOpenConnect: [true],
  notSentLowWater: [16_384],
  congestion: ['reno'],
  tos: [16],
  ttl: [33],
  freeBind: [true],
  bindAddressNoPort: [true],
  trafficClass: [16],
  hopLimit: [44],
  ipv6Only: [true],
  multicastTtl: [5],
  multicastLoop: [false],
  multicastHopLimit: [6],
  multicastLoop6: [false],
  receiveTimestamps: [true],
  timestamping: [24],
  receiveDropped: [true],
  receivePacketInfo: [true],
  receivePacketInfo6: [true],
  receiveTos: [true],
  receiveTrafficClass: [true],
  receiveTtl: [true],
  receiveHopLimit: [true],
  segmentSize: [1400],
  receiveOffload: [true],
};
const ONLY_READ = ['listening', 'domain', 'type', 'protocol', 'incomingNapiId'];
/** The kernel takes it and does not tell. */
const ONLY_SET = ['busyPollBudget'];
const OF_UNIX = ['passCredentials'];
const OF_DATAGRAMS = /^(multicast|receive(?!.*(Buffer|Water))|segment|timestamping)/;

test('every option of the table is tried here', () => {
  expect([...Object.keys(VALUES), ...ONLY_READ].sort()).toEqual(Object.keys(OPTION_TABLE).sort());
});

/** A socket that is neither bound nor connected. */
async function socketFor(name: string) {
  const ring = openRing();
  const domain = OF_UNIX.includes(name) ? 'unix' : /IPV6/.test(kernelName(name)) ? 'inet6' : 'inet';
  return ring.socket(domain, { type: OF_DATAGRAMS.test(name) ? 'dgram' : 'stream' });
}
const kernelName = (name: string): string => OPTION_TABLE[name as SocketOptionName].kernel;

describe.each(Object.entries(VALUES))('%s', (name, [value, answer]) => {
  test('is set and read', async () => {
    using socket = await socketFor(name);
    const option = name as 'keepAlive';
    try {
      setSocketOption(socket, option, value as boolean);
    } catch (error) {
      // What the machine refuses: rights, or an option that this kernel is without.
      expect(error).toMatchObject({ code: /^(EPERM|ENOPROTOOPT|EOPNOTSUPP|ENOENT)$/ });
      return;
    }
    if (ONLY_SET.includes(name)) return;
    // The kernel has the forced sizes under their other name only.
    const readable = name.replace('Force', '') as 'keepAlive';
    const wanted = name.endsWith('Force') ? Number(value) * 2 : (answer ?? value);
    expect(getSocketOption(socket, readable)).toBe(wanted);
  });
});

test('several are set together, all or, when one is wrong, none', async () => {
  using socket = await socketFor('noDelay');
  setSocketOptions(socket, { noDelay: true, keepAlive: true, userTimeoutMs: 99 });
  expect(getSocketOption(socket, 'noDelay')).toBe(true);
  expect(getSocketOption(socket, 'userTimeoutMs')).toBe(99);
  expectRefusal(() => setSocketOptions(socket, { noDelay: false, ttl: 1.5 }), RANGE, 'ttl');
  expect(getSocketOption(socket, 'noDelay')).toBe(true);
  expectRefusal(() => setSocketOptions(socket, { nodelay: true } as object), VALUE, 'noDelay');
});

test('what only the kernel decides can be read', async () => {
  using listener = listen();
  expect(getSocketOption(listener, 'listening')).toBe(true);
  expect(getSocketOption(listener, 'domain')).toBe(2);
  expect(getSocketOption(listener, 'type')).toBe(1);
  expect(getSocketOption(listener, 'protocol')).toBe(6);
  expect(getSocketOption(listener, 'incomingNapiId')).toBe(0);
  expectRefusal(() => setSocketOption(listener, 'type' as 'ttl', 1), VALUE, 'only be read');
});

test('wrong values are refused before any call', async () => {
  using socket = await socketFor('noDelay');
  expectRefusal(() => setSocketOption(socket, 'noDelay', 1 as never), TYPE, 'noDelay');
  expectRefusal(() => setSocketOption(socket, 'userTimeoutMs', -1), RANGE, 'userTimeoutMs');
  expectRefusal(() => setSocketOption(socket, 'congestion', 'x'.repeat(16)), VALUE, 'congestion');
  expectRefusal(() => setSocketOption(socket, 'congestion', 5 as never), TYPE, 'congestion');
  expectRefusal(() => getSocketOption(socket, 'nagle' as 'ttl'), VALUE, 'name');
  expect(() => setSocketOption(socket, 'congestion', 'nosuch')).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'setsockopt' }),
  );
  expect(() => setSocketOption(socket, 'bindToDevice', 'nosuch0')).toThrow('ENODEV');
});

test('linger of no time makes the close a reset', async () => {
  const { client, server } = await connection(openRing());
  setLinger(client, 1500);
  setLinger(client, undefined);
  setLinger(client, 0);
  client.close();
  const ring = openRing();
  await expect(ring.recv(server, new Uint8Array(1))).rejects.toMatchObject({ code: 'ECONNRESET' });
  expectRefusal(() => setLinger(server, -1), RANGE, 'lingerMs');
});

test('TCP_INFO tells what went over a connection', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  await ring.sendAll(client, new Uint8Array(5000));
  let received = 0;
  while (received < 5000) received += await ring.recv(server, new Uint8Array(5000));
  const sender = tcpInfo(client);
  expect(sender).toMatchObject({ state: 'established', congestionState: 'open', sack: true });
  expect(sender.bytesSent ?? 5000).toBe(5000);
  expect(tcpInfo(server).bytesReceived).toBe(5000);
  expect(sender.rttUs).toBeGreaterThan(0);
  expect(sender.sendMss).toBeGreaterThan(500);
  expect(sender.congestionWindow).toBeGreaterThan(0);
  await ring.shutdown(client, 'write');
  await ring.recv(server, new Uint8Array(1));
  expect(tcpInfo(server).state).toBe('close-wait');
  using listener = listen();
  expect(tcpInfo(listener).state).toBe('listen');
  using unix = await ring.socket('unix');
  expect(() => tcpInfo(unix)).toThrow('EOPNOTSUPP');
});

test('a Unix socket knows who is at the other end', async () => {
  const path = join(folder(), 'socket');
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const ring = openRing();
  using socket = await ring.socket('unix');
  await ring.connect(socket, { path });
  const credentials = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
  expect(peerCredentials(socket)).toEqual(credentials);
  server.close();
  using other = await ring.socket('inet');
  expect(() => peerCredentials(other)).toThrow();
});
