/** Socket commands: options and counts, also of sockets that are slots of a ring. */

import { features } from 'nearmetal/features';
import { addressOf } from 'nearmetal/net';
import { asFd, type DirectFd, type OwnedFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { kernel } from '../../../lib/kernel.js';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  openRing,
  openWith,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

const int = (bytes: Uint8Array): number => new DataView(bytes.buffer).getInt32(0, true);

test('sets options and gives them back', async () => {
  needs('linux:6.7');
  const ring = openRing();
  const { client } = await connection(ring);
  expect(int(await ring.getsockopt(client, 'socket', 'keepalive'))).toBe(0);
  await ring.setsockopt(client, 'socket', 'keepalive', true);
  expect(int(await ring.getsockopt(client, 'socket', 'keepalive'))).toBe(1);
  await ring.setsockopt(client, 'socket', 'rcvlowat', 77);
  expect(int(await ring.getsockopt(client, 'socket', 'rcvlowat'))).toBe(77);
  await ring.setsockopt(client, 'tcp', 'nodelay', 1);
  const linger = Int32Array.of(1, 5);
  await ring.setsockopt(client, 'socket', 'linger', linger);
  const read = await ring.getsockopt(client, 'socket', 'linger', { length: 64 });
  expect(Buffer.compare(read, new Uint8Array(linger.buffer))).toBe(0);
  // SOL_SOCKET, SO_TYPE: by their numbers.
  expect(int(await ring.getsockopt(client, 1, 3))).toBe(1);
});

test('works on a slot of the ring', async () => {
  needs('linux:6.7');
  const ring = openRing();
  const { client } = await connection(ring);
  const registered = ring.registerFiles([client]);
  const [direct] = registered.files as [DirectFd];
  await ring.setsockopt(direct, 'socket', 'sndbuf', 10_000);
  expect(int(await ring.getsockopt(client, 'socket', 'sndbuf'))).toBe(20_000);
  expect(int(await ring.getsockopt(direct, 'socket', 'sndbuf'))).toBe(20_000);
});

test('counts what waits on each side', async () => {
  needs('linux:6.7');
  const ring = openRing();
  const { client, server } = await connection(ring);
  expect(await ring.siocinq(server)).toBe(0);
  await ring.send(client, bytesOf('seven b'));
  await ring.pollAdd(server, ['in']);
  expect(await ring.siocinq(server)).toBe(7);
  expect(await ring.siocoutq(client)).toBeGreaterThanOrEqual(0);
});

test('gives the names of both ends', async () => {
  needs('linux:6.19');
  const ring = openRing();
  const { client, server } = await connection(ring);
  expect(await ring.getsockname(client)).toEqual(addressOf(client));
  expect(await ring.getsockname(client, { peer: true })).toEqual(addressOf(server));
  using idle = await ring.socket('inet');
  await expect(ring.getsockname(idle, { peer: true })).rejects.toMatchObject({ code: 'ENOTCONN' });
});

test.skipIf(kernel.atLeast('6.19'))('names are refused before 6.19', async () => {
  needs('op:URING_CMD');
  const ring = openRing();
  const { client } = await connection(ring);
  await expect(ring.getsockname(client)).rejects.toMatchObject({
    code: 'ERR_NEARMETAL_UNSUPPORTED',
    since: '6.19',
  });
});

test('what the kernel refuses', async () => {
  needs('linux:6.7');
  const ring = openRing();
  const { client } = await connection(ring);
  expect(features.op['URING_CMD']?.supported).toBe(true);
  await expect(ring.getsockopt(client, 'tcp', 'nodelay')).rejects.toMatchObject({
    code: 'EOPNOTSUPP',
    syscall: 'io_uring:uring_cmd',
    fd: client.fd,
  });
  await expect(ring.setsockopt(client, 'socket', 9999, 1)).rejects.toMatchObject({
    code: 'ENOPROTOOPT',
  });
  await expect(ring.setsockopt(client, 'tcp', 'maxseg', -1)).rejects.toMatchObject({
    code: 'EINVAL',
  });
  await expect(ring.siocinq(openWith('a file'))).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
});

test('refuses wrong arguments by name', () => {
  const fd = asFd(0) as unknown as OwnedFd;
  expectRefusal(() => op.siocinq(0 as never), TYPE, '"socket"');
  expectRefusal(() => op.getsockopt(fd, 'sockets' as never, 1), VALUE, '"level"');
  expectRefusal(() => op.getsockopt(fd, 'tcp', 'level' as never), VALUE, '"name"');
  expectRefusal(() => op.getsockopt(fd, 'udp', 'nodelay' as never), VALUE, '"name"');
  expectRefusal(() => op.getsockopt(fd, -1, 1), RANGE, '"level"');
  expectRefusal(() => op.getsockopt(fd, 'ip', 'ttl', { length: 0 }), RANGE, '"length"');
  expectRefusal(() => op.setsockopt(fd, 'ip', 'ttl', '64' as never), TYPE, '"value"');
  expectRefusal(() => op.setsockopt(fd, 'ip', 'ttl', 2 ** 31), RANGE, '"value"');
  expectRefusal(() => op.getsockname(fd, { peer: 1 as never }), TYPE, '"peer"');
});
