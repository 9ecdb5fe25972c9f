/** sendmsg and recvmsg: addresses, several pieces, and control messages of every type. */
import { fstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asFd, type DirectFd, Mapping, Message, OwnedFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  folder,
  later,
  openRing,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';
import { setOption } from '../../support/socket.js';
import { descriptors, udp, unixPair } from '../../support/sockets.js';

test('a datagram has an address on both ways', async () => {
  const ring = openRing();
  for (const host of ['127.0.0.1', '::1']) {
    const one = udp(host);
    const two = udp(host);
    const target = new Uint8Array(64);
    expect(await ring.sendmsg(one.socket, bytesOf('there'), { to: two.address })).toBe(5);
    const message = await ring.recvmsg(two.socket, target);
    expect(message).toBeInstanceOf(Message);
    expect(message).toMatchObject({
      byteCount: 5,
      address: one.address,
      truncated: false,
      controlTruncated: false,
    });
    expect(text(target.subarray(0, 5))).toBe('there');
    const back = message.address as typeof one.address;
    await ring.send(two.socket, bytesOf('and back'), { to: back });
    const answer = await ring.recvmsg(one.socket, target, { address: false });
    expect(answer).toMatchObject({ byteCount: 8, address: undefined });
  }
});

test('several pieces on each side, in user memory, in a mapping, and mixed', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using mapping = Mapping.anonymous({ size: 4096 });
  const own = [pattern(10, 1), pattern(20, 2)];
  const mapped = [mapping.bytes.subarray(1, 12), mapping.bytes.subarray(100, 119)];
  mapped[0]?.set(pattern(11, 3));
  mapped[1]?.set(pattern(19, 4));
  for (const sources of [own, mapped, [...own, ...mapped]]) {
    const all = Buffer.concat(sources);
    expect(await ring.sendmsg(client, sources)).toBe(all.length);
    const targets = [new Uint8Array(7), new Uint8Array(100)];
    const { byteCount } = await ring.recvmsg(server, targets);
    expect(byteCount).toBe(all.length);
    expect(Buffer.compare(Buffer.concat(targets).subarray(0, byteCount), all)).toBe(0);
  }
  await ring.sendmsg(client, own);
  const places = [mapping.bytes.subarray(2000, 2015), mapping.bytes.subarray(3000, 3015)];
  expect((await ring.recvmsg(server, places, { waitAll: true })).byteCount).toBe(30);
  expect(Buffer.compare(Buffer.concat(places), Buffer.concat(own))).toBe(0);
});

test('says when a datagram was cut, and leaves it there when it peeks', async () => {
  const ring = openRing();
  const one = udp();
  const two = udp();
  await ring.sendmsg(one.socket, bytesOf('too long'), { to: two.address });
  const target = new Uint8Array(3);
  const peeked = await ring.recvmsg(two.socket, target, { peek: true });
  expect(peeked).toMatchObject({ byteCount: 3, truncated: true });
  const message = await ring.recvmsg(two.socket, target);
  expect(message).toMatchObject({ byteCount: 3, truncated: true });
  expect(text(target)).toBe('too');
});

test('gives the name of a Unix socket, if it has one', async () => {
  needs('op:BIND');
  const ring = openRing();
  const path = join(folder(), 'one');
  using one = await ring.socket('unix', { type: 'dgram' });
  using two = await ring.socket('unix', { type: 'dgram' });
  const name = `\0nearmetal-${process.pid}-two`;
  await ring.bind(one, { path });
  await ring.bind(two, { path: name });
  await ring.sendmsg(one, bytesOf('x'), { to: { path: name } });
  expect((await ring.recvmsg(two, new Uint8Array(1))).address).toEqual({ path });
  await ring.sendmsg(two, bytesOf('x'), { to: { path } });
  expect((await ring.recvmsg(one, new Uint8Array(1))).address).toEqual({ path: name });
  using nameless = await ring.socket('unix', { type: 'dgram' });
  await ring.sendmsg(nameless, bytesOf('x'), { to: { path } });
  expect((await ring.recvmsg(one, new Uint8Array(1))).address).toBeUndefined();
});

// --- files ---------------------------------------------------------------------------------------

test('files go to the peer, which owns new descriptors of them', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const files = [openWith('first'), openWith('second')];
  const before = descriptors();
  await ring.sendmsg(left, bytesOf('two'), { control: { rights: files } });
  const message = await ring.recvmsg(right, new Uint8Array(3), { controlBytes: 64 });
  const { rights } = message.control;
  expect(rights).toHaveLength(2);
  for (const [index, fd] of rights.entries()) {
    expect(fd).toBeInstanceOf(OwnedFd);
    expect(fstatSync(fd.fd).ino).toBe(fstatSync(files[index]?.fd as number).ino);
  }
  const target = new Uint8Array(6);
  await ring.read(rights[1] as OwnedFd, target, { offset: 0 });
  expect(text(target)).toBe('second');
  expect(descriptors()).toBe(before + 2);
  message.dispose();
  message.dispose();
  expect(descriptors()).toBe(before);
});

test('without room for them, files are closed by the kernel, and the message says so', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const rights = [openWith('a'), openWith('b'), openWith('c')];
  const before = descriptors();
  await ring.sendmsg(left, bytesOf('x'), { control: { rights } });
  const none = await ring.recvmsg(right, new Uint8Array(1));
  expect(none).toMatchObject({ controlTruncated: true, control: { rights: [] } });
  await ring.sendmsg(left, bytesOf('x'), { control: { rights } });
  using some = await ring.recvmsg(right, new Uint8Array(1), { controlBytes: 24 });
  expect(some.controlTruncated).toBe(true);
  expect(some.control.rights).toHaveLength(2);
  expect(descriptors()).toBe(before + 2);
});

test('a handler is not told of files, so they are closed', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const before = descriptors();
  const seen: number[] = [];
  const handler = ring.handler((_tag, result) => seen.push(result));
  ring.start(op.recvmsg(right, new Uint8Array(4), { controlBytes: 64 }), handler);
  await ring.sendmsg(left, bytesOf('file'), { control: { rights: [openWith('x')] } });
  await ring.nop();
  await ring.nop();
  expect(seen).toEqual([4]);
  expect(descriptors()).toBe(before + 1);
});

test('a message that won the race against its signal still brings its files', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const file = openWith('x');
  const before = descriptors();
  let won = 0;
  for (let round = 0; round < 50; round++) {
    const stop = new AbortController();
    const receive = ring.recvmsg(right, new Uint8Array(1), {
      controlBytes: 24,
      signal: stop.signal,
    });
    const send = ring.sendmsg(left, bytesOf('x'), { control: { rights: [file] } });
    if (round % 2 === 0) ring.submit();
    if (round % 3 === 0) setImmediate(() => stop.abort());
    else stop.abort();
    await send;
    const [end] = await Promise.allSettled([receive]);
    const message =
      end?.status === 'fulfilled'
        ? end.value
        : await ring.recvmsg(right, new Uint8Array(1), { controlBytes: 24 });
    if (end?.status === 'fulfilled') won++;
    expect(message.control.rights).toHaveLength(1);
    message.dispose();
  }
  expect(won).toBeGreaterThan(0);
  expect(descriptors()).toBe(before);
});

test('a file closed before its message is submitted is refused, and not later', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const path = join(folder(), 'file');
  writeFileSync(path, 'x');
  const file = await ring.openat(path);
  const operation = op.sendmsg(left, bytesOf('x'), { control: { rights: [file] } });
  const sending = ring.run(operation);
  file.close();
  await sending;
  using message = await ring.recvmsg(right, new Uint8Array(1), { controlBytes: 24 });
  expect(message.control.rights).toHaveLength(1);
  expect(() => ring.run(operation)).toThrow('the descriptor has been closed');
});

// --- other control messages ----------------------------------------------------------------------

test('credentials, of which the kernel vouches for ours only', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  setOption(right, 'socket', 'passcred', true);
  const ids = {
    pid: process.pid,
    uid: process.getuid?.() as number,
    gid: process.getgid?.() as number,
  };
  await ring.sendmsg(left, bytesOf('me'), { control: { credentials: ids } });
  const options = { controlBytes: 64 };
  expect((await ring.recvmsg(right, new Uint8Array(2), options)).control.credentials).toEqual(ids);
  const wrong = { ...ids, pid: 2 ** 22 + 5 };
  await expect(
    ring.sendmsg(left, bytesOf('no'), { control: { credentials: wrong } }),
  ).rejects.toMatchObject({
    syscall: 'io_uring:sendmsg',
    code: expect.stringMatching('EPERM|ESRCH'),
  });
});

test('the sending process as a descriptor', async () => {
  needs('linux:6.5');
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const before = descriptors();
  setOption(right, 'socket', 'passpidfd', true);
  await ring.sendmsg(left, bytesOf('x'));
  const message = await ring.recvmsg(right, new Uint8Array(1), { controlBytes: 64 });
  expect(message.control.pidfd).toBeInstanceOf(OwnedFd);
  expect(descriptors()).toBe(before + 1);
  message.dispose();
  expect(descriptors()).toBe(before);
});

test('where a datagram came in, and where to send from', async () => {
  const ring = openRing();
  const one = udp('0.0.0.0');
  const two = udp('0.0.0.0');
  setOption(two.socket, 'ip', 'pktinfo', true);
  setOption(two.socket, 'ip', 'recvttl', true);
  setOption(two.socket, 'ip', 'recvtos', true);
  setOption(one.socket, 'ip', 'ttl', 33);
  setOption(one.socket, 'ip', 'tos', 0x10);
  const to = { host: '127.0.0.5', port: two.address.port };
  await ring.sendmsg(one.socket, bytesOf('x'), {
    to,
    control: { pktinfo: { source: '127.0.0.9' } },
  });
  const message = await ring.recvmsg(two.socket, new Uint8Array(1), { controlBytes: 256 });
  expect(message.address).toEqual({ host: '127.0.0.9', port: one.address.port });
  expect(message.control).toMatchObject({
    pktinfo: { interfaceIndex: 1, address: '127.0.0.5', local: '127.0.0.5' },
    hopLimit: 33,
    trafficClass: 0x10,
  });
});

test('the same with IPv6', async () => {
  const ring = openRing();
  const one = udp('::1');
  const two = udp('::1');
  setOption(two.socket, 'ipv6', 'recvpktinfo', true);
  setOption(two.socket, 'ipv6', 'recvhoplimit', true);
  setOption(two.socket, 'ipv6', 'recvtclass', true);
  setOption(one.socket, 'ipv6', 'tclass', 0x20);
  setOption(one.socket, 'ipv6', 'unicast_hops', 44);
  const pktinfo = { source: '::1', interfaceIndex: 1 };
  await ring.sendmsg(one.socket, bytesOf('x'), { to: two.address, control: { pktinfo } });
  const { control } = await ring.recvmsg(two.socket, new Uint8Array(1), { controlBytes: 256 });
  expect(control).toMatchObject({
    pktinfo: { interfaceIndex: 1, address: '::1' },
    hopLimit: 44,
    trafficClass: 0x20,
  });
});

test('one send becomes many datagrams, and many become one receive', async () => {
  const ring = openRing();
  const one = udp();
  const two = udp();
  const bytes = pattern(2500);
  const options = { to: two.address, control: { segmentSize: 1000 } };
  expect(await ring.sendmsg(one.socket, bytes, options)).toBe(2500);
  const target = new Uint8Array(65_536);
  const sizes: number[] = [];
  for (let index = 0; index < 3; index++) {
    sizes.push((await ring.recvmsg(two.socket, target)).byteCount);
  }
  expect(sizes).toEqual([1000, 1000, 500]);
  setOption(two.socket, 'udp', 'gro', true);
  await ring.sendmsg(one.socket, bytes, options);
  const message = await ring.recvmsg(two.socket, target, { controlBytes: 64 });
  expect(message).toMatchObject({ byteCount: 2500, control: { segmentSize: 1000 } });
  expect(Buffer.compare(target.subarray(0, 2500), bytes)).toBe(0);
});

test('times of arrival, in both forms, and counts of what was dropped', async () => {
  const ring = openRing();
  for (const option of ['timestamp', 'timestampns'] as const) {
    const one = udp();
    const two = udp();
    setOption(two.socket, 'socket', option, true);
    await ring.sendmsg(one.socket, bytesOf('x'), { to: two.address });
    const { control } = await ring.recvmsg(two.socket, new Uint8Array(1), { controlBytes: 64 });
    const { seconds = 0, nanoseconds = -1 } = control.timestamp ?? {};
    expect(Math.abs(Date.now() / 1000 - seconds)).toBeLessThan(3600);
    expect(nanoseconds).toBeGreaterThanOrEqual(0);
    expect(nanoseconds).toBeLessThan(1e9);
  }
  const one = udp();
  const two = udp();
  // SOF_TIMESTAMPING_RX_SOFTWARE, SOF_TIMESTAMPING_SOFTWARE.
  setOption(two.socket, 'socket', 'timestamping', (1 << 3) | (1 << 4));
  // The kernel begins to note times a moment after the first socket has asked for them.
  for (let noted = false; !noted; ) {
    await ring.sendmsg(one.socket, bytesOf('x'), { to: two.address });
    const { control } = await ring.recvmsg(two.socket, new Uint8Array(1), { controlBytes: 128 });
    noted = control.timestamping?.software !== undefined;
  }
  setOption(two.socket, 'socket', 'rxq_ovfl', true);
  setOption(two.socket, 'socket', 'rcvbuf', 2048);
  for (let count = 0; count < 20; count++) {
    await ring.sendmsg(one.socket, pattern(500), { to: two.address });
  }
  const first = await ring.recvmsg(two.socket, new Uint8Array(500), { controlBytes: 128 });
  expect(first.control.timestamping?.software?.seconds).toBeGreaterThan(1e9);
  expect(first.control.timestamping?.hardware).toBeUndefined();
  await ring.sendmsg(one.socket, bytesOf('x'), { to: two.address });
  let dropped = 0;
  while (dropped === 0) {
    const options = { controlBytes: 128, timeoutMs: 5000 };
    dropped = (await ring.recvmsg(two.socket, new Uint8Array(500), options)).control.dropped ?? 0;
  }
  expect(dropped).toBeGreaterThan(0);
});

test('any others as they are', async () => {
  const ring = openRing();
  const one = udp();
  const two = udp();
  setOption(two.socket, 'ip', 'recvttl', true);
  // IPPROTO_IP, IP_TTL.
  const raw = [{ level: 0, type: 2, bytes: new Uint8Array(Int32Array.of(7).buffer) }];
  await ring.sendmsg(one.socket, bytesOf('x'), { to: two.address, control: { raw } });
  const got = await ring.recvmsg(two.socket, new Uint8Array(1), { controlBytes: 64 });
  expect(got.control).toEqual({ rights: [], raw: [], hopLimit: 7 });
  // The error queue: ICMP says that nobody listens; IP_RECVERR has no type of its own here.
  setOption(one.socket, 'ip', 'recverr', true);
  const closed = udp();
  closed.socket.close();
  await ring.sendmsg(one.socket, bytesOf('lost'), { to: closed.address });
  await ring.pollAdd(one.socket, ['in']);
  const options = { errorQueue: true, controlBytes: 256 };
  const error = await ring.recvmsg(one.socket, new Uint8Array(10), options);
  expect(error).toMatchObject({ fromErrorQueue: true, address: closed.address, byteCount: 4 });
  expect(error.control.raw[0]).toMatchObject({ level: 0, type: 11 });
  expect(new DataView(error.control.raw[0]?.bytes.buffer as ArrayBuffer).getUint32(0, true)).toBe(
    111,
  );
});

// --- refusals ------------------------------------------------------------------------------------

test('what the kernel refuses', async () => {
  const ring = openRing();
  const one = udp();
  await expect(ring.sendmsg(one.socket, bytesOf('x'))).rejects.toMatchObject({
    code: 'EDESTADDRREQ',
    syscall: 'io_uring:sendmsg',
  });
  const far = { host: '127.0.0.1', port: 9 };
  await expect(ring.sendmsg(one.socket, new Uint8Array(70_000), { to: far })).rejects.toMatchObject(
    {
      code: 'EMSGSIZE',
      address: '127.0.0.1',
      port: 9,
    },
  );
  using idle = await ring.socket('inet');
  await expect(ring.recvmsg(idle, new Uint8Array(1))).rejects.toMatchObject({ code: 'ENOTCONN' });
  await expect(ring.recvmsg(openWith('x'), new Uint8Array(1))).rejects.toMatchObject({
    code: 'ENOTSOCK',
    syscall: 'io_uring:recvmsg',
  });
});

test('memory that is detached in flight is missed, not written to', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const target = new Uint8Array(4);
  const receive = later(ring.recvmsg(right, target, { controlBytes: 24 }));
  await ring.nop();
  structuredClone(target.buffer, { transfer: [target.buffer] });
  const before = descriptors();
  const file = openWith('x');
  await ring.sendmsg(left, bytesOf('gone'), { control: { rights: [file] } });
  await expect(receive).rejects.toMatchObject({ code: 'ERR_NEARMETAL_DETACHED' });
  expect(descriptors()).toBe(before + 1);
});

test('refuses wrong arguments by name', async () => {
  const fd = asFd(0);
  const bytes = new Uint8Array(1);
  const control = (given: unknown) => () => op.sendmsg(fd, bytes, { control: given as never });
  expectRefusal(() => op.sendmsg(0 as never, bytes), TYPE, '"socket"');
  expectRefusal(() => op.sendmsg(fd, 'text' as never), TYPE, '"sources[0]"');
  expectRefusal(() => op.sendmsg(fd, []), VALUE, '"sources"');
  expectRefusal(() => op.sendmsg(fd, bytes, { to: { host: 'x', port: 1 } }), VALUE, '"to.host"');
  expectRefusal(() => op.sendmsg(fd, bytes, { reportUsage: true } as never), VALUE, 'reportUsage');
  expectRefusal(control({ right: [] }), VALUE, '"right"');
  expectRefusal(control({ rights: [1] }), TYPE, '"control.rights[0]"');
  expectRefusal(control({ rights: fd }), VALUE, '"control.rights"');
  expectRefusal(control({ credentials: { pid: 1, uid: 0 } }), TYPE, '"control.credentials.gid"');
  expectRefusal(control({ segmentSize: 70_000 }), RANGE, '"control.segmentSize"');
  expectRefusal(control({ pktinfo: { source: 'lo' } }), VALUE, '"control.pktinfo.source"');
  expectRefusal(control({ txtimeNs: 5 }), TYPE, '"control.txtimeNs"');
  expectRefusal(control({ raw: [{ level: 1, type: 1, bytes }] }), VALUE, 'use `rights`');
  expectRefusal(control({ raw: [{ level: 1, type: 2 }] }), TYPE, '"control.raw[0].bytes"');
  const ring = openRing();
  const [direct] = ring.registerFiles([openWith('x')]).files as [DirectFd];
  expectRefusal(control({ rights: [direct] }), TYPE, 'a plain descriptor');
  expectRefusal(() => op.recvmsg(fd, bytes, { controlBytes: -1 }), RANGE, '"controlBytes"');
  expectRefusal(() => op.recvmsg(fd, bytes, { address: 1 as never }), TYPE, '"address"');
  expectRefusal(() => op.recvmsg(fd, bytes, { dontRoute: true } as never), VALUE, '"dontRoute"');
});
