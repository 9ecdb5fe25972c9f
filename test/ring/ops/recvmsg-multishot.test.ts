/** recvmsgMultishot: messages in buffers that the kernel picks, with all that comes beside them. */
import { fstatSync } from 'node:fs';
import {
  asFd,
  type BufferRing,
  type LeasedMessage,
  type OwnedFd,
  op,
  type Ring,
} from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { passes } from '../../support/process.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  openRing,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  until,
  VALUE,
} from '../../support/ring.js';
import { setOption } from '../../support/socket.js';
import { descriptors, udp, unixPair } from '../../support/sockets.js';

needs('register:PBUF_RING');

const messages = (
  ring: Ring,
  socket: OwnedFd,
  buffers: BufferRing,
  lowered: boolean,
  controlBytes = 0,
) => {
  const operation = op.recvmsgMultishot(socket, { buffers, controlBytes });
  // As on kernels without the multishot form.
  if (lowered) operation.lower?.();
  return ring.stream(operation);
};

test.each([false, true])(
  'datagrams with the addresses they came from (lowered: %s)',
  async (lowered) => {
    const ring = openRing();
    using buffers = ring.provideBuffers({ count: 4, size: 256 });
    const one = udp();
    const two = udp('0.0.0.0');
    setOption(two.socket, 'ip', 'pktinfo', true);
    const to = { host: '127.0.0.1', port: two.address.port };
    const stream = messages(ring, two.socket, buffers, lowered, 64);
    for (let index = 0; index < 12; index++) {
      await ring.sendmsg(one.socket, bytesOf(`datagram ${index}`), { to });
      const { value } = await stream.next();
      const message = value as LeasedMessage;
      expect(text(message.bytes)).toBe(`datagram ${index}`);
      expect(message).toMatchObject({
        byteCount: message.bytes.length,
        address: one.address,
        truncated: false,
        control: { pktinfo: { address: '127.0.0.1' } },
      });
      const copy = message.copy();
      message.release();
      expect(() => message.bytes).toThrow('the lease has been released');
      expect(text(copy)).toBe(`datagram ${index}`);
    }
    await stream.return();
    expect(buffers.available).toBe(4);
  },
);

test('an empty datagram is no end, and one that is too long says so', async () => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 4, size: 160 });
  const one = udp();
  const two = udp();
  for (const bytes of [new Uint8Array(0), pattern(100), bytesOf('end')]) {
    await ring.sendmsg(one.socket, bytes, { to: two.address });
  }
  const sizes: [number, boolean][] = [];
  for await (const message of ring.recvmsgMultishot(two.socket, { buffers })) {
    sizes.push([message.byteCount, message.truncated]);
    message.dispose();
    if (message.byteCount === 3) break;
  }
  expect(sizes).toEqual([
    [0, false],
    [160 - 16 - 128, true],
    [3, false],
  ]);
  expect(buffers.available).toBe(4);
});

test.each([false, true])('a stream ends when its peer ends it (lowered: %s)', async (lowered) => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 4, size: 1024 });
  const { client, server } = await connection(ring);
  const bytes = pattern(20_000);
  const sending = ring.sendAll(client, bytes).then(() => ring.shutdown(client, 'write'));
  const parts: Uint8Array[] = [];
  for await (const message of messages(ring, server, buffers, lowered)) {
    parts.push(message.copy());
    message.release();
  }
  await sending;
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(buffers.available).toBe(4);
  expect(ring.stats.inFlight).toBe(0);
});

test.each([false, true])('files belong to who takes the message (lowered: %s)', async (lowered) => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 4, size: 512 });
  const [left, right] = await unixPair(ring);
  const file = openWith('x');
  const before = descriptors();
  const stream = messages(ring, right, buffers, lowered, 64);
  await ring.sendmsg(left, bytesOf('one'), { control: { rights: [file, file] } });
  const message = (await stream.next()).value as LeasedMessage;
  expect(message.control.rights).toHaveLength(2);
  const [first] = message.control.rights as [OwnedFd];
  expect(fstatSync(first.fd).ino).toBe(fstatSync(file.fd).ino);
  message.release();
  expect(descriptors()).toBe(before + 2);
  message.dispose();
  expect(descriptors()).toBe(before);
  await stream.return();
});

test('messages that nobody takes are closed and given back', async () => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 8, size: 512 });
  const [left, right] = await unixPair(ring);
  const file = openWith('x');
  const before = descriptors();
  const stream = ring.recvmsgMultishot(right, { buffers, controlBytes: 64 });
  const first = stream.next();
  for (let count = 0; count < 5; count++) {
    await ring.sendmsg(left, bytesOf('x'), { control: { rights: [file] } });
  }
  ((await first).value as LeasedMessage).dispose();
  await until(() => buffers.available < 8);
  expect(descriptors()).toBeGreaterThan(before);
  await stream.return();
  await until(() => ring.stats.inFlight === 0);
  expect(descriptors()).toBe(before);
  expect(buffers.available).toBe(8);
});

test('a handler sees the buffer, and the files in it are closed', async () => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 2, size: 512 });
  const [left, right] = await unixPair(ring);
  const file = openWith('x');
  const before = descriptors();
  const operation = op.recvmsgMultishot(right, { buffers, controlBytes: 64 });
  const parts: string[] = [];
  const handler = ring.handler((_tag, result, flags) => {
    if (result < 0) return;
    const id = flags >>> 16;
    buffers.taken(id);
    parts.push(text(buffers.bytes(id).subarray(operation.prefixBytes, result)));
    buffers.recycle(id);
  });
  ring.start(operation, handler);
  for (const words of ['one', 'two', 'three']) {
    await ring.sendmsg(left, bytesOf(words), { control: { rights: [file] } });
    await until(() => parts.at(-1) === words);
  }
  expect(descriptors()).toBe(before);
  await ring.asyncCancel(right);
});

test('small messages are copied out of a pool that says so', async () => {
  const ring = openRing();
  const one = udp();
  const two = udp();
  using buffers = ring.provideBuffers({ count: 2, size: 4096, copyBelow: 1024 });
  const stream = ring.recvmsgMultishot(two.socket, { buffers });
  const kept: LeasedMessage[] = [];
  for (let index = 0; index < 10; index++) {
    await ring.sendmsg(one.socket, bytesOf(`datagram ${index}`), { to: two.address });
    kept.push((await stream.next()).value as LeasedMessage);
  }
  for (const [index, message] of kept.entries()) {
    expect(text(message.bytes)).toBe(`datagram ${index}`);
    expect(message.address).toEqual(one.address);
  }
  await stream.return();
  expect(buffers.available).toBe(2);
});

test('what ends it is an error of the socket', async () => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 2, size: 512 });
  using idle = await ring.socket('inet');
  const stream = ring.recvmsgMultishot(idle, { buffers });
  await expect(stream.next()).rejects.toMatchObject({
    code: 'ENOTCONN',
    syscall: 'io_uring:recvmsg',
  });
  expect(buffers.available).toBe(2);
});

test('files in messages that a worker never sees are closed when it ends', async () => {
  // The worker is busy until it is stopped.
  needs('op:BIND', 'cpus');
  await passes('message-files');
});

test('refuses wrong arguments by name', () => {
  needs('linux:6.12');
  const ring = openRing();
  using pieces = ring.provideBuffers({ count: 2, size: 4096, incremental: true });
  expectRefusal(() => op.recvmsgMultishot(asFd(0), { buffers: pieces }), VALUE, 'incremental');
  using buffers = ring.provideBuffers({ count: 2, size: 64 });
  const fd = asFd(0);
  expectRefusal(() => op.recvmsgMultishot(fd, {} as never), TYPE, 'buffers');
  expectRefusal(() => op.recvmsgMultishot(fd, { buffers }), VALUE, 'more than 144 bytes');
  op.recvmsgMultishot(fd, { buffers, address: false });
  expectRefusal(
    () => op.recvmsgMultishot(fd, { buffers, address: false, controlBytes: 2 ** 20 }),
    RANGE,
    '"controlBytes"',
  );
  expectRefusal(
    () => op.recvmsgMultishot(fd, { buffers, address: false, peek: true } as never),
    VALUE,
    '"peek"',
  );
});
